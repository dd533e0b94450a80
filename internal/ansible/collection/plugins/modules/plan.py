# What ansible-doc says of the action of the same name, which does it on the controller.

DOCUMENTATION = r'''
module: plan
short_description: Say what opsafe would do to a host
description:
  - Runs C(opsafe plan) on the host and changes nothing there. What of opsafe and the spec the host lacks is brought to a temporary directory.
  - C(changed) says whether something would be changed.
  - A host of which it cannot be told has failed.
options:
  plans:
    description:
      - On the controller, a directory in which the plan is kept, as C(HOST.json), which M(opsafe.opsafe.manage) carries out, and as C(HOST.txt), for whoever looks at it.
      - Both are for their owner, and hold no secret.
    type: path
extends_documentation_fragment:
  - opsafe.opsafe.host
  - opsafe.opsafe.host.selection
author: the opsafe authors
'''

EXAMPLES = r'''
- opsafe.opsafe.plan:
    binary: dist
    spec: .
    plans: plans
  become: true
'''

RETURN = r'''
changes:
  description: What would be changed, as C(add user/alice).
  type: list
  returned: success
plan:
  description: The file with the plan, to be looked at.
  type: str
  returned: with plans
'''
