# What the action plugins of this collection have in common: they bring opsafe and a
# spec to a host, and run opsafe there. The host needs a shell, and no Python.

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import tarfile

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

INSTALLED = '/usr/local/bin/opsafe'
BACKEND_FILE = '/etc/opsafe/backend'
ARCHITECTURES = {'x86_64': 'amd64', 'aarch64': 'arm64'}

# The options that every action has.
SHARED = dict(
    backend=dict(type='str'),
    binary=dict(type='path'),
    spec=dict(type='path'),
    dir=dict(type='path', default='/srv/opsafe'),
)
SELECTION = dict(
    only=dict(type='list', elements='str', default=[]),
    skip=dict(type='list', elements='str', default=[]),
)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def spec_files(top):
    """The files of a spec by their paths in it: content and mode."""
    out = {}

    def take(path):
        if os.path.islink(path):
            raise AnsibleActionFail('cannot bring the spec: %s is a link: put what it leads to in its place' % path)
        mode = 0o644 if os.stat(path).st_mode & 0o004 else 0o600
        with open(path, 'rb') as f:
            out[os.path.relpath(path, top)] = (f.read(), mode)

    if not os.path.isdir(os.path.join(top, 'backends')):
        raise AnsibleActionFail('cannot bring the spec: %s has no directory backends' % top)
    if os.path.exists(os.path.join(top, 'developers.yaml')):
        take(os.path.join(top, 'developers.yaml'))
    for part in ('backends', 'keys'):
        for at, dirs, names in os.walk(os.path.join(top, part)):
            if at == os.path.join(top, 'backends') and 'facts' in dirs:
                # Facts are for plans elsewhere. They change with each host.
                dirs.remove('facts')
            for name in sorted(dirs):
                if os.path.islink(os.path.join(at, name)):
                    take(os.path.join(at, name))  # which refuses it
            dirs.sort()
            for name in sorted(names):
                take(os.path.join(at, name))
    return out


def packed(files):
    """The files as a tar archive, all of them root's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(files):
            data, mode = files[name]
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def named_digest(spec, name):
    """What opsafe.sha256 of the spec says of a program; None: there is no such file."""
    path = os.path.join(spec, 'opsafe.sha256')
    if not os.path.exists(path):
        return None
    with open(path, encoding='utf-8') as f:
        for line in f:
            m = re.match(r'([0-9a-f]{64}) [ *](\S+)$', line.rstrip('\n'))
            if m and m.group(2) == name:
                return m.group(1)
    raise AnsibleActionFail('%s has no SHA-256 of %s: add its line of SHA256SUMS' % (path, name))


class Failure(Exception):
    """What the result says, where an action cannot go on."""


class OpsafeAction(ActionBase):
    """An action that runs opsafe on the host."""

    _supports_check_mode = True
    _requires_connection = True
    _supports_async = False
    TRANSFERS_FILES = False
    OPTIONS = {}

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        self.host = (task_vars or {}).get('inventory_hostname', '')
        self.check = self._play_context.check_mode
        self.temporary = None
        validated = ArgumentSpecValidator(dict(SHARED, **self.OPTIONS)).validate(self._task.args)
        if validated.error_messages:
            raise AnsibleActionFail('; '.join(validated.error_messages))
        self.args = validated.validated_parameters
        self.backend = self.args['backend'] or self.host
        if not getattr(self._connection, 'has_pipelining', False):
            raise AnsibleActionFail('cannot send anything to a program by the connection %s: use ssh' % self._connection.transport)
        result['changed'] = False
        try:
            self.act(result)
        except Failure as e:
            result['failed'], result['msg'] = True, str(e)
        finally:
            self.clean()
        return result

    def act(self, result):
        raise NotImplementedError

    # Running something on the host.

    def shell(self, script, data=b'', what=None):
        """Run a script as the user that become names. Data is its standard input.

        There is always some: without any, ssh would ask for a terminal, which mixes what
        goes to standard output with errors."""
        ran = self._low_level_execute_command('LC_ALL=C.UTF-8; export LC_ALL; ' + script, in_data=data or b'\n', executable='/bin/sh')
        if what and ran['rc'] != 0:
            raise Failure('cannot %s: %s' % (what, (ran['stderr'] or ran['stdout']).strip() or 'exit code %d' % ran['rc']))
        return ran

    def opsafe(self, program, *argv):
        return self.shell(' '.join(shlex.quote(a) for a in (program,) + argv))

    def document(self, ran, key=None):
        """The JSON document that opsafe has written."""
        try:
            out = json.loads(ran['stdout'])
        except ValueError:
            raise Failure((ran['stderr'] or ran['stdout']).strip() or 'opsafe has ended with exit code %d and said nothing' % ran['rc'])
        return out[key] if key else out

    def room(self):
        """A directory on the host that goes with the action. What others have left that
        were killed goes after a day."""
        if not self.temporary:
            place = os.path.dirname(INSTALLED)  # from where programs may certainly run
            made = self.shell(
                'umask 077; find %s -maxdepth 1 -name ".opsafe.????????" -mmin +1440 -exec rm -rf {} + ; mktemp -d %s/.opsafe.XXXXXXXX' % (place, place),
                what='make a temporary directory')
            self.temporary = made['stdout'].strip()
            if not re.match(re.escape(place) + r'/\.opsafe\.\w{8}$', self.temporary):
                raise Failure('cannot make a temporary directory: mktemp says %r' % self.temporary)
        return self.temporary

    def clean(self):
        if self.temporary:
            gone, self.temporary = self.temporary, None
            try:
                self.shell('rm -rf ' + shlex.quote(gone))
            except AnsibleError:
                pass  # what came of the action counts; a later one clears up

    # Bringing what opsafe needs.

    def look(self):
        """What is on the host already."""
        directory = shlex.quote(self.args['dir'])
        ran = self.shell(
            'id -u; uname -m; '
            'if [ -L {0} ]; then echo link; else echo file; fi; '
            'sha256sum < {0} 2>/dev/null || echo none; '
            'cat {1} 2>/dev/null || echo; '
            'if [ -e {2}/.git ]; then echo git; else echo plain; fi; '
            'cd {2} 2>/dev/null && find . -type f -exec sha256sum -z -- {{}} +; true'.format(INSTALLED, BACKEND_FILE, directory),
            what='look at the host')
        lines = ran['stdout'].split('\n', 6)
        if len(lines) < 7:
            raise Failure('cannot look at the host: it says %r' % ran['stdout'])
        user, machine, sort, digest, backend, checkout, files = lines
        if user != '0':
            raise Failure('opsafe needs root, and this is user %s: set become: true' % user)
        self.machine, self.is_link = machine, sort == 'link'
        self.installed = digest.split(' ')[0]
        self.bootstrapped, self.is_checkout = backend.strip(), checkout == 'git'
        self.files = {}
        for entry in files.split('\0'):
            if entry:
                self.files[entry[68:]] = entry[:64]  # "DIGEST  ./NAME"

    def wanted(self):
        """The program that the host is to have, and its digest."""
        if self.machine not in ARCHITECTURES:
            raise Failure('there is no opsafe for a machine that is %s' % self.machine)
        name = 'opsafe_linux_' + ARCHITECTURES[self.machine]
        path = self.args['binary']
        if os.path.isdir(path):
            path = os.path.join(path, name)
        try:
            with open(path, 'rb') as f:
                data = f.read()
        except OSError as e:
            raise Failure('cannot read opsafe: %s' % e)
        digest = sha256(data)
        named = named_digest(self.args['spec'], name) if self.args['spec'] else None
        if named and named != digest:
            raise Failure('%s has not the SHA-256 that opsafe.sha256 of the spec says, and is not brought' % path)
        return data, digest

    def bring(self, keep, bootstrap=True):
        """Bring opsafe and the spec to the host: to their places, or, unless they are to be
        kept, to a directory that goes with the action. The program has its place once
        bootstrap has been run. Returns the program, the directory of the spec, and what has
        been brought."""
        self.look()
        program, directory, brought = INSTALLED, self.args['dir'], []
        if self.args['spec']:
            directory = self.bring_spec(keep, brought)
        if self.args['binary']:
            data, digest = self.wanted()
            if digest != self.installed:
                if self.is_link:
                    raise Failure('%s is a link, so that something else keeps opsafe on this host, such as the Debian package: leave out binary' % INSTALLED)
                program = self.room() + '/opsafe'
                self.shell('umask 077; cat > {0} && chmod 0755 {0} && echo "{1}  {0}" | sha256sum --check --quiet'.format(program, digest), data, 'bring opsafe')
                brought.append('opsafe')
        elif self.installed == 'none':
            raise Failure('there is no opsafe on this host: say by binary where it is on the controller')
        if keep and bootstrap:
            program = self.bootstrap(program, directory, brought)
        return program, directory, brought

    def bring_spec(self, keep, brought):
        directory, files = self.args['dir'], spec_files(self.args['spec'])
        if self.is_checkout:
            raise Failure('%s is a clone of git\'s on this host: leave out spec, and update it by git' % directory)
        if {name: sha256(data) for name, (data, mode) in files.items()} == self.files:
            return directory
        brought.append('spec')
        room = self.room()
        self.shell('umask 022; mkdir -p {0}/spec && tar -C {0}/spec -xf -'.format(room), packed(files), 'bring the spec')
        if not keep:
            return room + '/spec'
        # Beside its place, so that it comes there as a whole.
        self.shell(
            'set -e; umask 022; parent=$(dirname {1}); mkdir -p "$parent"; '
            'find "$parent" -maxdepth 1 -name ".opsafe.????????" -mmin +1440 -exec rm -rf {{}} + ; '
            'stage=$(mktemp -d "$parent/.opsafe.XXXXXXXX"); cp -R --preserve=mode {0}/spec "$stage/new"; '
            '[ ! -e {1} ] || mv -T {1} "$stage/old"; '
            'mv -T "$stage/new" {1} || {{ mv -T "$stage/old" {1}; exit 1; }}; rm -rf "$stage"'.format(room, shlex.quote(directory)),
            what='put the spec into its place')
        return directory

    def bootstrap(self, program, directory, brought):
        """Make the host a backend's, with this program, if it is not yet."""
        if program == INSTALLED and self.bootstrapped == self.backend:
            return program
        ran = self.opsafe(program, 'bootstrap', self.backend, '--dir', directory, '--format', 'json')
        if self.document(ran)['summary']['failed'] or ran['rc'] != 0:
            raise Failure('opsafe bootstrap: ' + ran['stderr'].strip())
        if 'opsafe' not in brought:
            brought.append('backend')
        return INSTALLED

    def select(self, verb, directory, *more, form='json'):
        argv = [verb, '--backend', self.backend, '--dir', directory, '--format', form]
        for flag in ('only', 'skip'):
            for name in self.args.get(flag) or []:
                argv += ['--' + flag, name]
        return argv + list(more)

    # Saying what came of it.

    def tell(self, result, doc, ran, verb):
        """Count what a document says: a host that is not as declared, or of which that cannot
        be told, has failed."""
        summary = doc['summary']
        changes = [i for i in doc['changes'] if i['status'] == 'changed']
        result['summary'] = {k: v for k, v in summary.items() if k != 'seconds'}
        result['changes'] = ['%s %s/%s' % (i.get('action', 'change'), i['kind'], i['name']) for i in changes]
        result['unknown'] = ['%s/%s: %s' % (i['kind'], i['name'], i.get('reason', '')) for i in doc['unknown']]
        result['failures'] = ['%s/%s: %s' % (i['kind'], i['name'], i.get('error') or i.get('reason', '')) for i in doc['failed']]
        result['access'] = [
            ', '.join(t['names']) + ''.join(' %s %s;' % (word, ', '.join(t[word])) for word in ('gains', 'loses') if t[word]).rstrip(';')
            for t in (doc.get('access') or {}).get('turns', [])]
        result['changed'] = result['changed'] or bool(changes)
        if self._play_context.diff:
            result['diff'] = result.get('diff', []) + [shown(i) for i in changes]
        trouble = result['failures'] + ['cannot be told: ' + u for u in result['unknown']]
        if doc.get('refused'):
            trouble.insert(0, doc['refused'])
        if summary.get('interrupted'):
            trouble.append('it was interrupted')
        if trouble or ran['rc'] != 0:
            result['failed'] = True
            result['msg'] = 'opsafe %s: %s' % (verb, '; '.join(trouble) or ran['stderr'].strip() or 'exit code %d' % ran['rc'])


def shown(item):
    """A change as Ansible shows it."""
    header = '%s/%s' % (item['kind'], item['name'])
    before, after = [], []
    for a in item.get('attributes', []):
        for value, lines in ((a['before'], before), (a['after'], after)):
            if value is not None:
                lines.append('%s: %s%s' % (a['name'], value, ' (%s)' % a['special'] if a.get('special') else ''))
    before, after = ''.join(b + '\n' for b in before), ''.join(a + '\n' for a in after)
    diff = item.get('diff')
    if diff:
        note = '(%s) ' % diff['hidden'] if diff.get('hidden') else ''
        before += note + diff['before'] if diff['before'] else ''
        after += note + diff['after'] if diff['after'] else ''
    if not before and not after:
        after = '%s: %s\n' % (item.get('action', 'change'), item.get('why') or item.get('known_after_apply') or '')
    return dict(before_header=header, after_header=header, before=before, after=after)
