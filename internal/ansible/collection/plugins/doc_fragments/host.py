# What ansible-doc says of the options that several modules have.

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
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
      - On the controller, the repository of the spec. C(developers.yaml), C(keys) and C(backends) are brought, but for C(backends/facts).
      - Without it, the host has to have it in O(dir).
    type: path
  dir:
    description: Where the spec lies on the host.
    type: path
    default: /srv/opsafe
'''

    SELECTION = r'''
options:
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
'''
