# What ansible-doc says of the action of the same name, which does it on the controller.

DOCUMENTATION = r'''
module: plan
short_description: Say what opsafe would do to a host
description:
  - Runs C(opsafe plan) on the host and changes nothing there. What of opsafe and the spec the host lacks is brought to a temporary directory.
  - C(changed) says whether something would be changed.
  - A host of which it cannot be told has failed.
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
  only:
    description: Only these kinds, or resources as KIND/NAME.
    type: list
    elements: str
    default: []
  skip:
    description: All but these kinds, or resources as KIND/NAME.
    type: list
    elements: str
    default: []
  plans:
    description:
      - On the controller, a directory in which the plan is kept, as C(HOST.json), which M(opsafe.opsafe.manage) carries out, and as C(HOST.txt), for whoever looks at it.
      - Both are for their owner, and hold no secret.
    type: path
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
