# Brings a host to its declared state: see plugins/modules/manage.py.

from __future__ import annotations

import json
import os

from ansible.errors import AnsibleError
from ansible_collections.opsafe.opsafe.plugins.plugin_utils.action import SELECTION, Failure, OpsafeAction


class ActionModule(OpsafeAction):
    OPTIONS = dict(SELECTION, confirm=dict(type='str'), plans=dict(type='path'))

    def act(self, result):
        kept = self.kept()
        if self.args['confirm'] and self._connection.transport == 'local':
            raise Failure('confirm needs a connection that can be made anew, and a local one cannot')
        # A kept plan rests on what the host was before it was opsafe's.
        program, directory, brought = self.bring(keep=not self.check, bootstrap=kept is None)
        # A spec that says something else of other hosts is no change of this one.
        result['brought'], result['changed'] = brought, brought not in ([], ['spec'])
        if brought and self._play_context.diff:
            result['diff'] = [dict(before='', after=''.join(b + '\n' for b in brought), after_header='brought to the host')]
        if self.check:
            ran = self.opsafe(program, *self.select('plan', directory))
            self.tell(result, self.document(ran), ran, 'plan')
            return
        more = ['--confirm', self.args['confirm']] if self.args['confirm'] else []
        if kept is not None:
            path = self.room() + '/plan.json'
            self.shell('umask 077; cat > ' + path, kept, 'bring the plan')
            ran = self.opsafe(program, 'manage', '--plan', path, '--dir', directory, '--format', 'json', *more)
        else:
            ran = self.opsafe(program, *self.select('manage', directory, *more))
        self.tell(result, self.document(ran), ran, 'manage')
        if self.args['confirm'] and result['summary']['add'] + result['summary']['change'] + result['summary']['remove'] + result['summary']['run'] > 0:
            self.confirm(result, program)
        if kept is not None and not result.get('failed'):
            self.bootstrap(program, directory, brought)
            result['changed'] = result['changed'] or brought not in ([], ['spec'])

    def kept(self):
        """The plan that is to be carried out; None: there is none."""
        if not self.args['plans']:
            return None
        path = os.path.join(self.args['plans'], self.host + '.json')
        if self.args['only'] or self.args['skip']:
            raise Failure('a kept plan says itself what it is about: leave out only and skip')
        try:
            with open(path, 'rb') as f:
                data = f.read()
            plan = json.loads(data)
            self.backend, self.args['only'], self.args['skip'] = plan['backend'], plan.get('only'), plan.get('skip')
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise Failure('cannot read the kept plan %s: %s' % (path, e))
        return data

    def confirm(self, result, program):
        """Confirm from a connection that is made anew, which is what proves that there is a
        way in. Without one, the host goes back by itself."""
        back = 'the old state comes back by itself within ' + self.args['confirm']
        if result.get('failed'):
            result['msg'] += '; it is not confirmed: ' + back
            return
        try:
            self._connection.reset()
            ran = self.opsafe(program, 'confirm')
            why = ran['stderr'].strip() if ran['rc'] != 0 else ''
        except AnsibleError as e:
            why, self.temporary = str(e), None  # which cannot be removed either
        result['confirmed'] = not why
        if why:
            result['failed'] = True
            result['msg'] = 'it is not confirmed, since a new connection could not do it: %s; %s' % (why, back)
