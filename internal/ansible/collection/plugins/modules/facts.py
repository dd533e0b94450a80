# What ansible-doc says of the action of the same name, which does it on the controller.

DOCUMENTATION = r'''
module: facts
short_description: Fetch what planning needs to know of a host
description:
  - Runs C(opsafe facts) on the host, and writes them to a file of the controller, for C(opsafe plan --facts).
  - What of opsafe and the spec the host lacks is brought to a temporary directory.
  - The file is left alone if nothing of the host has changed but the time. A new one is for its owner. There is no secret in it.
options:
  backend:
    description: The backend that the host is. The name in the inventory, if left out.
    type: str
  binary:
    description:
      - On the controller, the program, or a directory with C(opsafe_linux_amd64) and C(opsafe_linux_arm64).
      - If the spec has C(opsafe.sha256), a program with another SHA-256 is not brought.
      - Without it, the host has to have opsafe.
    type: path
  spec:
    description:
      - On the controller, the repository of the spec. C(developers.yaml), C(keys) and C(backends) are brought, but for C(facts.json).
      - Without it, the host has to have it in O(dir).
    type: path
  dir:
    description: Where the spec lies on the host.
    type: path
    default: /srv/opsafe
  dest:
    description: On the controller, the file. C(facts.json) beside the backend of O(spec), if left out.
    type: path
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
