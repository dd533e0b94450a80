# Says what manage would do on a host, and keeps that: see plugins/modules/plan.py.

from __future__ import annotations

import json
import os

from ansible_collections.opsafe.opsafe.plugins.plugin_utils.action import SELECTION, Failure, OpsafeAction


class ActionModule(OpsafeAction):
    OPTIONS = dict(SELECTION, plans=dict(type='path'))

    def act(self, result):
        program, directory, result['brought'] = self.bring(keep=False)
        if not self.args['plans']:
            ran = self.opsafe(program, *self.select('plan', directory))
            self.tell(result, self.document(ran), ran, 'plan')
            return
        path = self.room() + '/plan.json'
        ran = self.opsafe(program, *self.select('plan', directory, '--full', '--out', path, form='text'))
        kept = self.shell('cat ' + path)
        if kept['rc'] != 0:
            raise Failure(ran['stderr'].strip())
        plan = json.loads(kept['stdout'])
        self.tell(result, plan['run'], ran, 'plan')
        if not self.check:
            os.makedirs(self.args['plans'], mode=0o700, exist_ok=True)
            self.write('.txt', ran['stdout'])
            self.write('.json', kept['stdout'])
        result['plan'] = os.path.join(self.args['plans'], self.host + '.txt')

    def write(self, ending, text):
        """Write a file of the controller as a whole, for its owner."""
        path = os.path.join(self.args['plans'], self.host + ending)
        part = path + '.part'
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='utf-8', errors='surrogateescape') as f:
            f.write(text)
        os.replace(part, path)
