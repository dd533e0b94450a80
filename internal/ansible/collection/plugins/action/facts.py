# Fetches the facts of a host, for plans elsewhere: see plugins/modules/facts.py.

from __future__ import annotations

import json
import os

from ansible_collections.opsafe.opsafe.plugins.plugin_utils.action import Failure, OpsafeAction


def lasting(facts):
    """Facts without what differs each time."""
    return {k: v for k, v in facts.items() if k not in ('recorded', 'opsafe')}


class ActionModule(OpsafeAction):
    OPTIONS = dict(dest=dict(type='path'))

    def act(self, result):
        dest = self.args['dest']
        if not dest and not self.args['spec']:
            raise Failure('say by dest where the facts go, or by spec in which repository their backend is')
        dest = dest or os.path.join(self.args['spec'], 'backends', 'facts', self.backend + '.json')
        program, directory, brought = self.bring(keep=False)
        ran = self.opsafe(program, 'facts', '--backend', self.backend, '--dir', directory, '--out', '/dev/stdout')
        facts = self.document(ran)
        result['dest'] = dest
        mode = 0o600
        try:
            with open(dest, encoding='utf-8') as f:
                mode = os.fstat(f.fileno()).st_mode & 0o777
                if lasting(json.load(f)) == lasting(facts):
                    return
        except (OSError, ValueError):
            pass  # there are none yet
        result['changed'] = True
        if self.check:
            return
        part = dest + '.part'
        try:
            os.makedirs(os.path.dirname(dest) or '.', exist_ok=True)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='utf-8') as f:
                f.write(ran['stdout'])
            os.chmod(part, mode)
            os.replace(part, dest)
        except OSError as e:
            raise Failure('cannot write the facts: %s' % e)
