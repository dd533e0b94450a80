package shellrc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/shellrc"
)

// Lines of start-up files after which a shell is as usable as before.
var harmless = []string{
	"# a comment", "", "export EDITOR=vi", "EDITOR=vi VISUAL=vi", "export LANG", "declare -x A=1", "readonly HISTFILE",
	"if (unset A) 2>/dev/null; then readonly A=900; export A; fi", "[[ $SHLVL -gt 1 ]] && A=1", "[ -v DISPLAY ] && A=1", "[[ -v DISPLAY ]] && A=1", "[ $SHLVL -gt 1 ] && A=1", "alias ll='ls -l'", `alias g="git -C $HOME/src"`, "alias sudo='sudo '", "alias", "unalias ls", "umask 027", "unset i A",
	`PATH="$HOME/bin:$PATH"`, "export PATH=$PATH:/opt/tool/bin", `PATH="/opt/x/bin${PATH:+:${PATH}}"`, `PATH+=:/opt/x`,
	`export PATH="/usr/local/bin:/usr/bin:/bin"`, "GOPATH=$HOME/go; PATH=$GOPATH/bin:$PATH",
	"shopt -s histappend checkwinsize", "shopt -q login_shell", "set -o vi", "set +H", "stty -ixon", "mesg n 2>/dev/null || true",
	"HISTSIZE=1000 HISTCONTROL=ignoreboth", `PS1='\u@\h:\w\$ '`, `x=$(hostname -s)`, `day=$(date +%F)`, "[ -z \"$PS1\" ] && return",
	"case $- in *i*) ;; *) return;; esac", "[[ $TERM == xterm* ]] && COLORTERM=truecolor", "for x in a b; do echo $x; done",
	"f() { exit 1; }", "echo hello >&2", `test -r ~/.dircolors && eval "$(dircolors -b ~/.dircolors)" || eval "$(dircolors -b)"`,
	"if [ -f ~/.bash_aliases ]; then . ~/.bash_aliases; fi", "complete -F _ll ll", "if command -v vim >/dev/null 2>&1; then export EDITOR=vim; fi",
	"x=$(</etc/debian_chroot)", "export http_proxy=http://proxy.example.org:3128", "colors=(red green)",
	`eval $(dircolors -b)`, `eval "$(dircolors ~/.dircolors)"`, `[ -x /usr/bin/lesspipe ] && eval "$(SHELL=/bin/sh lesspipe)"`, "umask u=rwx,g=rx,o=", "TMOUT=900; readonly TMOUT; export TMOUT", "readonly TMOUT=600", "TMOUT=0",
	`PS1='\u@\h:\w$(__git_ps1 " (%s)")\$ '`, `PS1="\u@\h:\w\$(__git_ps1 ' (%s)')\\$ "`, `PS1="\u \$(date +%T) > "`, `PS1="\[$(tput setaf 2)\]\u\[$(tput sgr0)\]$ "`, `PS1='$(whoami)@$(hostname -s) ${debian_chroot:+x}$ '`,
	"PROMPT_COMMAND='history -a'", `PROMPT_COMMAND="history -a; history -n; $PROMPT_COMMAND"`, `PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND; }history -a"`, `PROMPT_COMMAND='echo -ne "\033]0;${USER}@${HOSTNAME}\007"'`,
	"[ -f ~/.bash_aliases ] && . ~/.bash_aliases", `export NVM_DIR="$HOME/.nvm"; [ -s "$NVM_DIR/nvm.sh" ] && \. "$NVM_DIR/nvm.sh"`, "source /usr/share/bash-completion/bash_completion",
	"if ! shopt -oq posix; then if [ -f /etc/bash_completion ]; then . /etc/bash_completion; fi; fi", "complete -C /usr/bin/terraform terraform", "alias ls='ls --color=auto' grep='grep --color=auto'", "alias free='free -m' which='which -a'", "alias sudo='sudo '",
	"test -t 0 || return", "[[ $- != *i* ]] && return", `bind '"\e[A": history-search-backward'`, `bind "set completion-ignore-case on" 2>/dev/null`, "bind TAB:menu-complete", "bind Space:magic-space",
	"ulimit -c 0", "ulimit -S -c 0 >/dev/null 2>&1", "ulimit -n 65536", "cat /etc/opsafe/banner", "cat <<'X'\nwelcome; exit\nX", "cat <<X\nthis is $(hostname)\nX", "cat <<<hello", "uptime", "clear", "cd", "cd /srv/app", "cd ~/src",
	"eval `dircolors`", `eval "$(lesspipe)"`, "alias ls='ls --color=auto' dir='dir --color=auto' grep='grep --color=auto'",
	"parse_git_branch() { git branch 2>/dev/null | sed -e '/^[^*]/d' -e 's/* \\(.*\\)/ (\\1)/'; }; PS1='\\u:\\w$(parse_git_branch)\\$ '",
	"b() { git symbolic-ref --short HEAD 2>/dev/null || git rev-parse --short HEAD 2>/dev/null; }; PS1=\"\\u \\$(b)\\$ \"",
	"venv() { [[ -n \"$VIRTUAL_ENV\" ]] && echo \"($(basename \"$VIRTUAL_ENV\")) \"; }; PS1='$(venv)\\u\\$ '",
	"p() { local e=$?; PS1='\\u '; [ $e -ne 0 ] && PS1+=\"[$e] \"; PS1+='\\$ '; }; PROMPT_COMMAND=p",
	"p() { local b; b=$(git branch --show-current 2>/dev/null) && [ -n \"$b\" ] && printf ' (%s)' \"$b\"; }; q() { p; }; PROMPT_COMMAND='history -a; q'",
	"x=$(uname -a | cut -d' ' -f1)", "n=$(git status --porcelain | wc -l)", "hostname -s | tr a-z A-Z", "who | awk '{print $1}' | sort | uniq -c", "date +%H:%M | head -1", "id -Gn | grep -qw admins && A=1",
	`x='\[\e[32m\]'; PS1="$x\u\$ "`, `x='$(__git_ps1)'; PS1="\u$x\$ "`, "export PATH=$PATH:$JAVA_HOME/bin", `PATH="$PATH:$(dirname $(readlink -f /usr/bin/java))"`, "last -n 3 $USER", "w", "who -b", "HISTFILE=~/.bash_history", `HISTFILE="$HOME/.history"`, "HISTFILE=", "export HISTFILE=/var/log/history/$USER.hist", "alias x='echo $(date)'",
	"export HISTTIMEFORMAT='%F %T '", "history -a", "declare -A colors", "export GPG_TTY=$(tty)", `case ":$PATH:" in *:/opt/x:*) ;; *) PATH=/opt/x:$PATH;; esac`, "if [ -d ~/.bashrc.d ]; then for rc in ~/.bashrc.d/*; do [ -f \"$rc\" ] && . \"$rc\"; done; fi; unset rc",
}

// Lines of which it is not known what they leave of a shell.
var strange = []string{
	"exit", "[ -t 0 ] && exit", "logout", "exec tmux", "kill $$", "sleep 10", "sleep 10 &", "while :; do :; done", "read x", "cat", "cat /etc/motd - ",
	"alias sudo=false", `alias su''do=false`, `alias "sudo"=false`, "alias $X=false", "sudo() { :; }", "function sudo { :; }", "/usr/bin/sudo() { :; }",
	"test() { exit; }", "hash -p /bin/false sudo", "enable -n echo", "trap exit DEBUG", "set -e", "set -u", "shopt -so errexit", "shopt -s extdebug",
	"PATH=/opt/bin", "PATH=", "export PATH=bin:$PATH", "PATH=:$PATH", "PATH=$X:$PATH", "export PATH=~/$X:$PATH", `PATH+=x`, "unset PATH", "PATH=$(cat /etc/x):$PATH",
	"(exit)", "(X=1)", "(unset A; kill 1)", "(unset A) &", "unset 'a[$(reboot)]'", "histchars=su", "for i in {1..99999999}; do :; done", "for i in /**/*; do :; done", "x='a[$(reboot)]'; [[ $x -eq 0 ]] && A=1", "[ -v 'a[$(reboot)]' ] && A=1", "[[ -v a[$X] ]] && A=1", "HOME=/", "IFS=x", "TMOUT=1", "export TMOUT=1", "LD_PRELOAD=/x", "export LD_LIBRARY_PATH=/x", "BASH_ENV=/x", "ENV=/x", "PROMPT_COMMAND=exit",
	"UID=1", "EXECIGNORE=/usr/bin/sudo", "POSIXLY_CORRECT=1", `PS1='$(exit)'`, "PS1='`kill $PPID`'", `: ${X:?gone}`, `: ${PATH:=/x}`, "x=$((1/0))", "x=$(kill $PPID)", "x=`exit`",
	"echo x >~/.ssh/authorized_keys", "echo $(<~/x)", "echo x | sh", "eval $X", `eval "$(ssh-agent)"`, "export -n PATH", "export $X", "printf -v PATH x",
	". /dev/stdin <<<exit", ". $X", "source x", "(exit)", "coproc cat", "if", "stty raw", "umask $X", "let x=1/0", "((1/0))", "set -o errexit", "for PATH in x; do :; done",
	"f=g; $f", "date -s x", "hostname x", "\\exit", "id() { exit; }; id", "alias date=exit", "alias {sudo,s}=false", "unset {PATH,X}", "printf {-v,PATH,x}", "precmd_functions=(f)", "command exit", "builtin exit", "SECONDS=1 exit", "exit >/dev/null", "echo >$X", "bind '\"x\":\"y\"'",
	`eval "$(pyenv init -)"`, "eval \"$(ssh-agent -s)\"", "source <(kubectl completion bash)", "TMOUT=x", "TMOUT=59", "TMOUT=$X", "declare -xr TMOUT=5", "PS1='$(f)'", `PS1="\$(kill $PPID)"`, `PS1="$(cat /etc/x)"`, `PS1='$(__git_ps1; kill $$)'`, `PS1='\044(exit)'`, `PS1='$'"(exit)"`, "PS1='${x:=$(kill $$)}'",
	`PS1='$(. ~/x)'`, `PS1='$(echo \"; kill $$; echo \")'`, "PROMPT_COMMAND=f", `PROMPT_COMMAND="history -a; $X"`, "PROMPT_COMMAND='history -a; exit'", "PROMPT_COMMAND='PATH=/opt/x'", "PROMPT_COMMAND+=exit", "PROMPT_COMMAND='. ~/x'",
	"__git_ps1() { kill $PPID; }", "id() { kill $PPID; }", "alias cat='sleep 99'", "alias id='id; exit'", "alias test='test || exit'", "bind -x '\"x\":exit'", "bind -f /etc/x", "bind 'Return:abort'", "bind '$include /etc/x'", "ulimit -n 3", "ulimit -u 1", "ulimit -v 1", "ulimit -f 0", "ulimit 0", "ulimit -c $X -v 1",
	`x='$(kill $$)'; PS1="$x"`, `x='$'; y='(kill $$)'; PS1="$x$y"`, "x='`kill $$`'", `x="$(date)"'$(exit)'`, "HISTFILE=~/.ssh/authorized_keys", "HISTFILE=/etc/sudoers", "PATH=$PATH$X:/opt", "PATH=$X:$PATH:$Y", "PATH=${#PATH}:$X", "last -f ~/fifo", "alias w=exit", "who() { kill $PPID; }", "export HISTFILE=$X",
	"f() { kill $$; }; PS1='$(f)'", "f() { exit; }; PROMPT_COMMAND=f", "f() { exit; }; f", "f() { g; }; g() { f; }; PS1='$(f)'", "f() { :; }; f() { kill $$; }; PS1='$(f)'", "f() { :; }; alias f='kill 1'; PS1='$(f)'",
	"f() { date; }; unset -f f; g", "f() { PATH=/opt; }; PROMPT_COMMAND=f", "f() { . ~/x; }; PROMPT_COMMAND=f", "f() { x=/opt/y; }; PROMPT_COMMAND=f; PATH=$x:$PATH", "f() { echo $(kill $$); }; PS1='$(f)'",
	"hostname | sh", "hostname | sed 's/.*/reboot/e'", "hostname | sed 's/x/y/w /etc/x'", "hostname | sed -i s/a/b/ ~/x", "hostname | sed '1!G;h;$!d'", "hostname | sed -f x", "hostname | sed ':a;ba'", "hostname | awk '{system($1)}'", "hostname | awk 'BEGIN{while(1);}'", "hostname | awk '{print > \"/etc/x\"}'", "hostname | awk '{print | \"sh\"}'",
	"hostname | grep x ~/fifo", "hostname | grep -f x y", "hostname | tail -f", "hostname | tee ~/.ssh/authorized_keys", "hostname | sort -o ~/x", "hostname | xargs kill", "hostname | cut -f1 ~/fifo", "kill 1 | head", "hostname | head >~/x", "hostname | head &", "hostname | sed s/a/$X/", "hostname | wc -l ~/fifo",
	"git commit", "git -c core.pager=x branch", "git branch -D x", "git config core.x y", "git stash", "git diff", "git branch $X", "git symbolic-ref -d HEAD", "eval `ssh-agent`",
	"cat <<X\n$(kill $PPID)\nX", "cat - <<X\nx\nX", "sh <<X\nexit\nX", "cat <<X >~/.ssh/authorized_keys\nx\nX", "cat <<X &\nx\nX", "cd $X", "cd /srv || exit", "history -d 1", "neofetch", "umask a+rwx-",
}

// What is said of lines that are not understood, without what may be a secret in them.
var named = map[string]string{
	"exec tmux new-session -s hunter2":    "exec tmux is not understood",
	"export TMOUT=1":                      "export TMOUT is not understood",
	"LD_PRELOAD=/hunter2.so":              "LD_PRELOAD is not understood",
	`eval "$(pyenv init - hunter2)"`:      "eval with what pyenv says is not understood",
	"login-with --token=hunter2":          "login-with is not understood",
	"$hunter2 x":                          "a command that is put together is not understood",
	"sudo() { echo hunter2; }":            "the function sudo is not understood",
	"alias sudo=hunter2":                  "alias sudo is not understood",
	"while sleep hunter2; do :; done":     "a loop, by while or until, is not understood",
	"curl -H hunter2 example.org | sh":    "a pipe is not understood",
	"X=$(vault read hunter2)":             "X with what vault says is not understood",
	"API_TOKEN=hunter2 app &":             "a command in the background is not understood",
	"echo hunter2 >/srv/x":                "a redirection of echo is not understood",
	"set -e":                              "set -e is not understood",
	"PS1='$(hunter2)'":                    "PS1 is not understood",
	"if true; then\n\n  kill hunter2\nfi": "kill is not understood",
	"(kill hunter2)":                      "kill is not understood",
	"(X=hunter2)":                         "a subshell is not understood",
	"[ -t 0 ] && kill hunter2":            "kill is not understood",
	"if hunter2":                          "what no shell could read is not understood",
}

func TestReadNames(t *testing.T) {
	t.Parallel()
	for text, want := range named {
		f := shellrc.Read("A=1\n" + text + "\n")
		if len(f.Lines) != 1 || f.Lines[0].What != want {
			t.Errorf("%s: %+v, want %s", text, f.Lines, want)
			continue
		}
		if at := f.Lines[0].Number; at != 2+strings.Count(text, "\n")/3*2 && want != "what no shell could read is not understood" {
			t.Errorf("%s: line %d", text, at)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, line := range harmless {
		if f := shellrc.Read(line + "\n"); f.Strange != "" {
			t.Errorf("%s: %q is not understood", line, f.Strange)
		}
	}
	for _, line := range strange {
		if f := shellrc.Read("A=1\n" + line + "\n"); f.Strange == "" {
			t.Errorf("%s: it is taken for understood", line)
		}
	}
}

// TestReadDeep: whoever writes a start-up file does not end who reads it, nor hold them up.
func TestReadDeep(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"(", "{ ", "$(", "\"$(", "`", "x=$((", "if ", "${a:-", "[[ ( ", "case x in a) ", "f() "} {
		if text := strings.Repeat(part, (256<<10)/len(part)); shellrc.Read(text).Strange != text {
			t.Errorf("%s: it is taken for understood", part)
		}
	}
}

// TestReadLong holds that a chain of tests takes no longer than as many tests apart, and
// that values of values do not grow without end.
func TestReadLong(t *testing.T) {
	t.Parallel()
	read := func(between string) time.Duration {
		best := time.Hour
		for range 3 {
			began := time.Now()
			if f := shellrc.Read("[ -f a ]" + strings.Repeat(between+"[ -f a ]", 2500) + " && . /etc/x\n"); f.Strange != "" {
				t.Fatal("it is not understood")
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	const times = 20
	if apart, chain := read("; "), read(" && "); chain > times*apart {
		t.Errorf("tests apart take %s, a chain of them takes %s", apart, chain)
	}
	text := "x0=" + strings.Repeat("x", 8) + "\n" // 2^17 bytes in line 15
	for i := range 60 {                           // 2^60 bytes, if each were kept
		text += fmt.Sprintf("x%d=$x%d$x%d\n", i+1, i, i)
	}
	if f := shellrc.Read(text); len(f.Lines) == 0 || f.Lines[0].Number != 15 {
		t.Errorf("a shell would take all memory, and what is not understood is %+v", f.Lines)
	}
}

// TestReadCommitted holds that all is understood of what the committed backends have
// shells read.
func TestReadCommitted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bashrc", "profile", "service-bashrc"} {
		data, err := os.ReadFile("../../backends/common/files/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if f := shellrc.Read(string(data)); f.Strange != "" {
			t.Errorf("%s: %q is not understood", name, f.Strange)
		}
	}
}

// TestReadStock holds that all is understood of the files that Debian brings.
func TestReadStock(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if f := shellrc.Read(string(data)); f.Strange != "" {
			t.Errorf("%s: %s", name, f.Strange)
		}
	}
}

func TestReadParts(t *testing.T) {
	t.Parallel()
	f := shellrc.Read(`GO=$HOME/go
PATH="$GO/bin:/opt/x:$PATH"
if [ -r "$HOME/.more" ]; then . "$HOME/.more"; fi
. /etc/plain
for i in /etc/profile.d/*.sh; do [ -r $i ] && . $i; done
`)
	if f.Strange != "" {
		t.Error(f.Strange)
	}
	want := []shellrc.Source{{Path: "~/.more", Tested: true}, {Path: "/etc/plain"}, {Path: "/etc/profile.d/*.sh", Many: true, Tested: true}}
	if diff := cmp.Diff(want, f.Sources); diff != "" {
		t.Error(diff)
	}
	if want := []string{"~/go/bin", "/opt/x"}; !slices.Equal(f.Dirs, want) {
		t.Error(f.Dirs)
	}
}

// TestReadKeeps holds that a change of what leads to something strange is one of it.
func TestReadKeeps(t *testing.T) {
	t.Parallel()
	was := shellrc.Read("A=1\n[ -z \"$PS1\" ] && return\nexit\n").Strange
	for text, same := range map[string]bool{
		"A=2\nalias x=y\n# more\n[ -z \"$PS1\" ] && return\nexit\n": true,
		"A=1\n[ -n \"$PS1\" ] && return\nexit\n":                    false,
		"A=1\nexit\n":                                               false,
		"A=1\n[ -z \"$PS1\" ] && return\nexit 1\n":                  false,
	} {
		if is := shellrc.Read(text).Strange; (is == was) != same {
			t.Errorf("%q: %q, %q", text, was, is)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	const path = "PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n"
	if s := shellrc.Environment("# ours\n\n" + path + "EDITOR=vi\nexport LANG=C\n"); s != nil {
		t.Error(s)
	}
	for _, line := range []string{"PATH=/opt/x:/usr/bin", "PATH=/usr/local/../../opt:/usr/bin", "PATH=", "LD_PRELOAD=/x", "BASH_ENV=/x", "x", "PS1=$(exit)", "PATH =/usr/bin"} {
		if s := shellrc.Environment("A=1\n" + line + "\n"); len(s) != 1 || s[0].Text != line || s[0].Number != 2 {
			t.Errorf("%s: %+v", line, s)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	if s := shellrc.Keys("# x\n\nset bell-style none\n$if mode=emacs\n\"\\e[5~\": history-search-backward\n\"\\C-p\":history-search-backward\n$else\n$endif\n"); s != nil {
		t.Error(s)
	}
	for _, line := range []string{`"s": "exit\n"`, `s: kill-line`, `"s": kill-line`, `Return: kill-line`, `"\C-m": kill-line`, `"\C-M": kill-line`, `"\e[A": "exit\C-m"`, "$include /etc/x"} {
		if s := shellrc.Keys("set a b\n" + line + "\n"); len(s) != 1 || s[0].Text != line || s[0].Number != 2 {
			t.Errorf("%s: %+v", line, s)
		}
	}
}
