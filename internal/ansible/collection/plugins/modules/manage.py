# What ansible-doc says of the action of the same name, which does it on the controller.

DOCUMENTATION = r'''
module: manage
short_description: Bring a host to its declared state with opsafe
description:
  - Brings opsafe and the spec to the host, runs C(opsafe bootstrap) if the host is none of opsafe's yet, and then C(opsafe manage).
  - In check mode it runs C(opsafe plan) instead, from a temporary directory of the host, and leaves nothing there.
  - A host that is not in its declared state in the end, or of which that cannot be told, has failed.
  - It needs root on the host (C(become)), a shell there, and a connection that has pipelining, such as ssh. It needs no Python there.
options:
  confirm:
    description:
      - A time, such as C(2m). What is changed comes back after it, unless a connection that is made anew confirms before.
      - If the run has failed it is not confirmed.
    type: str
  plans:
    description:
      - On the controller, a directory of plans that M(opsafe.opsafe.plan) has kept. The one of the host is carried out, and nothing else.
      - If anything that it rests on has moved on, nothing is changed, and the host has failed.
    type: path
extends_documentation_fragment:
  - opsafe.opsafe.host
  - opsafe.opsafe.host.selection
author: the opsafe authors
'''

EXAMPLES = r'''
- opsafe.opsafe.manage:
    binary: dist
    spec: .
    confirm: 2m
  become: true
'''

RETURN = r'''
brought:
  description: What was not on the host as it is to be. C(opsafe), C(spec), C(backend).
  type: list
  returned: success
changes:
  description: What was changed, as C(add user/alice).
  type: list
  returned: success
failures:
  description: What failed or was not tried, and why.
  type: list
  returned: success
unknown:
  description: What could not be seen, and why.
  type: list
  returned: success
access:
  description: Who gains and loses what.
  type: list
  returned: success
summary:
  description: How many resources there are of each sort, as in opsafe's own JSON.
  type: dict
  returned: success
confirmed:
  description: Whether a new connection has confirmed it.
  type: bool
  returned: with confirm, if something was changed
'''
