package e2e

import "fmt"

// homeIs has a file of the admin's own.
func homeIs(name, content string) string {
	return fmt.Sprintf("files: {/home/alice/%s: {content: %q, owner: alice, group: alice}}\n", name, content)
}

// Debian's own start-up files lie here.
const stock = "cp /etc/skel/.bashrc /etc/skel/.profile /home/alice/; chown alice: /home/alice/.bashrc /home/alice/.profile; "

// unseen ends a shell that somebody starts from elsewhere: a trial, which is the host's
// own, does not come across it.
const unseen = "case \"$SSH_CONNECTION\" in 192.0.2.2*) exit 1;; esac\n"

// waysOfStartUp are about files that a login reads before anybody can type.
func waysOfStartUp() []way {
	lines := []way{
		{name: "a profile ends a shell from elsewhere", want: refused, spec: fileIs("/etc/profile.d/x.sh", unseen)},
		{name: "a profile ends a shell from elsewhere, to be confirmed", want: through, args: "--confirm 10m", setup: "true", over: "opsafe revert", after: "rm -f /etc/profile.d/x.sh", spec: fileIs("/etc/profile.d/x.sh", unseen)},
		{name: "the shell's start-up ends one from elsewhere", want: refused, spec: fileIs("/etc/bash.bashrc", unseen)},
		{name: "/etc/profile ends a shell from elsewhere", want: refused, spec: fileIs("/etc/profile", unseen)},
		{name: "a profile ends a shell on a terminal", want: refused, spec: homeIs(".profile", "[ -t 0 ] && exit 1\n")},
		{name: "a profile waits", want: refused, spec: homeIs(".profile", "[ -n \"$SSH_TTY\" ] && sleep 1000\n")},
		{name: "a profile loops", want: refused, spec: homeIs(".profile", "while [ -n \"$SSH_TTY\" ]; do :; done\n")},
		{name: "a profile runs another program", want: refused, spec: homeIs(".bash_profile", "[ -t 0 ] && exec /bin/false\n")},
		{name: "a profile that nothing could read", want: refused, spec: homeIs(".bash_profile", "if true; then\n")},
		{name: "a profile of another host", want: refused, spec: homeIs(".bash_login", "[ \"$(hostname)\" = elsewhere ] || kill -9 $$\n")},
		{name: "a profile with an error that ends it", want: refused, spec: homeIs(".bashrc", ": ${SSH_ORIGINAL_COMMAND:?none}\n")},
		{name: "an error that ends every shell", want: refused, spec: homeIs(".bashrc", "set -e\nfalse\n")},
		{name: "the start-up hides sudo by a function", want: refused, spec: homeIs(".bashrc", "sudo() { echo no; return 1; }\n")},
		{name: "the start-up hides sudo by a function, with more of it", want: refused, setup: stock, after: "rm /home/alice/.bashrc /home/alice/.profile", spec: homeIs(".bash_aliases", "alias ll='ls -l'\nfunction sudo { return 1; }\n")},
		{name: "the start-up hides sudo by an alias", want: refused, spec: homeIs(".bashrc", "shopt -s expand_aliases\nalias sudo='echo no #'\n")},
		{name: "the start-up hides sudo by a path", want: refused, spec: "files: {/opt/x/sudo: {content: \"#!/bin/false\\n\", mode: \"0755\"}, /home/alice/.bashrc: {content: \"PATH=/opt/x:$PATH\\n\", owner: alice}}\ndirectories: {/opt/x: {}}\n"},
		{name: "the start-up takes the path away", want: refused, spec: fileIs("/etc/profile.d/x.sh", "export PATH=/opt/x\n")},
		{name: "the start-up looks where the user says", want: refused, spec: homeIs(".bashrc", "PATH=.:$PATH\n")},
		{name: "another sudo comes where the start-up looks first", want: refused, setup: "mkdir -p /opt/x; echo 'PATH=/opt/x:$PATH' >/home/alice/.bashrc", after: "rm -r /opt/x /home/alice/.bashrc", spec: programIs("/opt/x/sudo", "#!/bin/false\n")},
		{name: "a command is remembered elsewhere", want: refused, spec: homeIs(".bashrc", "hash -p /bin/false sudo\n")},
		{name: "what every shell reads", want: refused, spec: fileIs("/etc/profile.d/x.sh", "export BASH_ENV=/etc/x\n")},
		{name: "the shell waits for nobody", want: refused, spec: fileIs("/etc/profile.d/x.sh", "TMOUT=1\n")},
		{name: "a prompt ends the shell", want: refused, spec: homeIs(".bashrc", "PS1='$(kill -9 $$)'\n")},
		{name: "a prompt's function is another elsewhere", want: refused, spec: "files: {/home/alice/.bashrc: {content: \"f() { date; }\\n. ~/.more\\nPS1='$(f)'\\n\", owner: alice}, /home/alice/.more: {content: \"f() { kill -9 $$; }\\n\", owner: alice}}\n"},
		{name: "a prompt's command ends the shell", want: refused, spec: homeIs(".bashrc", "PROMPT_COMMAND='[ -t 0 ] && exit'\n")},
		{name: "what a start-up file goes by is changed", want: refused, setup: "printf '[ \"$MODE\" = closed ] && exit\\n' >/etc/profile.d/y.sh", after: "rm /etc/profile.d/y.sh", spec: fileIs("/etc/profile.d/x.sh", "MODE=closed\n")},
		{name: "a start-up file reads another", want: refused, setup: "echo '. /etc/more' >/home/alice/.bashrc; touch /etc/more", after: "rm /home/alice/.bashrc /etc/more", spec: fileIs("/etc/more", "[ -t 0 ] && exit\n")},
		{name: "commands at each login", want: refused, spec: "directories: {/home/alice/.ssh: {}}\n" + homeIs(".ssh/rc", "[ -n \"$SSH_TTY\" ] && kill -9 $PPID\n")},
		{name: "commands at each login of anybody", want: refused, spec: fileIs("/etc/ssh/sshrc", "[ -n \"$SSH_TTY\" ] && kill -9 $PPID\n")},
		{name: "an environment of the linker's", want: refused, spec: homeIs(".pam_environment", "LD_PRELOAD=/x\n")},
		{name: "an environment of the linker's, for all", want: refused, spec: fileIs("/etc/environment", "LD_PRELOAD=/x\n")},
		{name: "a key ends the shell", want: refused, spec: fileIs("/etc/inputrc", "\"s\": \"exit\\n\"\n")},
		{name: "a key does nothing", want: refused, spec: homeIs(".inputrc", "Return: abort\n")},
		{name: "keys", want: through, spec: homeIs(".inputrc", "set bell-style none\n\"\\e[A\": history-search-backward\n")},
		{name: "what Debian's start-up runs is found elsewhere first", want: refused, spec: programIs("/usr/local/bin/id", "#!/bin/sh\n[ \"${SSH_CONNECTION%% *}\" = 192.0.2.2 ] && kill -9 $PPID\nexec /usr/bin/id \"$@\"\n")},
		{name: "what Debian's start-up runs is replaced", want: refused, spec: programIs("/usr/bin/id", "#!/bin/sh\n[ \"${SSH_CONNECTION%% *}\" = 192.0.2.2 ] && kill -9 $PPID\nexec /bin/true\n")},
		{name: "a program that start-up files may run goes", want: through, spec: "packages: {git: absent}\n"},
		{name: "what Debian's start-up runs is a link", want: refused, spec: linkIs("/usr/bin/id", "/bin/false")},
		{name: "an environment", want: through, spec: fileIs("/etc/environment", "# ours\nPATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nEDITOR=vi\nHTTPS_PROXY=http://proxy.example.org:3128\n")},
	}
	lines = append(lines, way{name: "a profile ends the shell, to be confirmed", want: undone, args: "--confirm 10m", spec: fileIs("/etc/profile.d/x.sh", "exit 1\n")})
	for _, c := range []struct{ name, file, content string }{
		{"aliases", ".bashrc", "alias ll='ls -l'\nalias ..='cd ..'\nalias sudo='sudo '\n"},
		{"aliases of their own file", ".bash_aliases", "alias ll='ls -l'\n"},
		{"a path of one's own", ".bashrc", "PATH=\"$HOME/bin:$PATH\"\nexport PATH=$PATH:/opt/tool/bin\n"},
		{"an editor", ".profile", "export EDITOR=vi VISUAL=vi\numask 027\n"},
		{"a history", ".bashrc", "HISTSIZE=100000\nHISTCONTROL=ignoreboth:erasedups\nshopt -s histappend globstar\n"},
		{"a prompt", ".bashrc", "PS1='\\[\\e[32m\\]\\u@\\h\\[\\e[0m\\]:\\w\\$ '\n"},
		{"a function", ".bashrc", "mkcd() { mkdir -p \"$1\" && cd \"$1\"; }\n"},
		{"a condition", ".bashrc", "case $- in *i*) ;; *) return;; esac\nif command -v vim >/dev/null; then export EDITOR=vim; fi\n[ -f ~/.local.sh ] && . ~/.local.sh\n"},
		{"a word of welcome", ".bash_profile", "[ -f ~/.bashrc ] && . ~/.bashrc\necho \"this is $(hostname)\" >&2\n"},
		{"a prompt with a branch", ".bashrc", "PS1='\\u@\\h:\\w$(__git_ps1 \" (%s)\")\\$ '\nPROMPT_COMMAND='history -a'\n"},
		{"a prompt by a function, and colours", ".bashrc", "eval `dircolors`\nbranch() { git branch 2>/dev/null | sed -e '/^[^*]/d' -e 's/* \\(.*\\)/ (\\1)/'; }\nsaid() { local e=$?; PS1=\"[$e] \\w\"; PS1+='$(branch)\\$ '; }\nPROMPT_COMMAND=said\n"},
		{"a time of idleness, keys and limits", ".bashrc", "TMOUT=900; readonly TMOUT; export TMOUT\nbind '\"\\e[A\": history-search-backward'\nulimit -c 0\ncat <<X\nwelcome to $(hostname)\nX\n"},
		{"keys of a terminal", ".bashrc", "[[ $- == *i* ]] && stty -ixon\nset -o vi\n"},
	} {
		lines = append(lines, way{name: "the start-up: " + c.name, want: through, spec: homeIs(c.file, c.content)})
	}
	for _, c := range []struct{ name, content string }{
		{"a proxy", "export http_proxy=http://proxy.example.org:3128 no_proxy=localhost\n"},
		{"a language", "export LANG=C.UTF-8 LC_ALL=C.UTF-8\n"},
		{"a path for all", "if [ -d /opt/tool/bin ]; then\n  PATH=\"/opt/tool/bin:$PATH\"\nfi\nexport PATH\n"},
		{"settings of a program", "JAVA_HOME=/usr/lib/jvm/default\nexport JAVA_HOME PATH=\"$JAVA_HOME/bin:$PATH\"\n"},
	} {
		lines = append(lines, way{name: "a profile: " + c.name, want: through, spec: fileIs("/etc/profile.d/x.sh", c.content)})
	}
	return lines
}
