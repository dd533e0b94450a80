# What ansible-doc says of the action of the same name, which does it on the controller.

DOCUMENTATION = r'''
module: facts
short_description: Fetch what planning needs to know of a host
description:
  - Runs C(opsafe facts) on the host, and writes them to a file of the controller, for C(opsafe plan --facts).
  - What of opsafe and the spec the host lacks is brought to a temporary directory.
  - The file is left alone if nothing of the host has changed but the time. A new one is for its owner. There is no secret in it.
options:
  dest:
    description: On the controller, the file. C(backends/facts/BACKEND.json) in O(spec), if left out.
    type: path
extends_documentation_fragment:
  - opsafe.opsafe.host
author: the opsafe authors
'''

EXAMPLES = r'''
- opsafe.opsafe.facts:
    binary: dist
    spec: .
  become: true
'''

RETURN = r'''
dest:
  description: The file.
  type: str
  returned: success
'''
