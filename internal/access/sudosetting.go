package access

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// sudoHarmless are Defaults of sudo, see sudoers(5), none of whose values keeps
// somebody from running a command as root who gives their password.
const sudoHarmless = `
	admin_flag always_query_group_plugin always_set_home authenticate authfail_message badpass_message
	case_insensitive_group case_insensitive_user closefrom closefrom_override compress_io editor env_check
	env_delete env_editor env_keep env_reset exempt_group fast_glob fdexec group_source
	ignore_dot ignore_unknown_defaults insults
	iolog_flush lecture lecture_file lecture_status_dir legacy_group_processing
	listpw log_allowed log_denied log_exit_status log_format log_host log_input log_output log_passwords log_stderr
	log_stdin log_stdout log_ttyin log_ttyout log_year logfile loglinelen long_otp_prompt mail_all_cmnds mail_always
	mail_badpass mail_no_host mail_no_perms mail_no_user mailerflags mailerpath mailfrom mailsub mailto match_group_by_gid
	maxseq netgroup_tuple noninteractive_auth pam_acct_mgmt pam_rhost pam_ruser pam_session pam_setcred passprompt
	passprompt_override passprompt_regex passwd_timeout_warn path_info preserve_groups pwfeedback 
	rlimit_core root_sudo set_home set_logname set_utmp setenv shell_noargs sudoedit_checkdir sudoedit_follow
	sudoers_locale syslog syslog_badpri syslog_goodpri syslog_maxlen syslog_pid timestamp_timeout timestamp_type
	timestampdir timestampowner tty_tickets umask umask_override use_netgroups use_pty user_command_timeouts
	utmp_runas verifypw visiblepw`

// sudoHarmlessOff are those that are harmless if they are off, and sudoHarmlessOn those
// that are if they are on: without them, sudo runs nothing that it cannot log.
const (
	sudoHarmlessOff = `
	apparmor_profile command_timeout env_file fqdn ignore_local_sudoers intercept intercept_allow_setid
	intercept_authenticate intercept_verify iolog_group iolog_mode iolog_user log_servers log_subcmds noexec
	requiretty restricted_env_file rlimit_as rlimit_cpu rlimit_data rlimit_fsize rlimit_locks rlimit_memlock
	rlimit_nofile rlimit_nproc rlimit_rss rlimit_stack role runas_allow_unknown_id runas_check_shell runchroot runcwd
	secure_path selinux send_mail stay_setuid type use_loginclass`
	sudoHarmlessOn = "ignore_audit_errors ignore_iolog_errors ignore_logfile_errors"
)

// sudoDefault judges a value of Defaults: empty if it is harmless, else why it cannot
// be told what sudo does with it.
func sudoDefault(name string, value any) string {
	text := fmt.Sprint(value)
	number, err := strconv.ParseFloat(text, 64)
	switch {
	case slices.Contains(strings.Fields(sudoHarmless), name),
		value == false && slices.Contains(strings.Fields(sudoHarmlessOff), name),
		value == true && slices.Contains(strings.Fields(sudoHarmlessOn), name),
		// Where they lead is judged with that of the logs.
		value != false && (name == iologDir || name == iologFile),
		name == "runas_default" && text == root,
		name == "runcwd" && text == "*",
		(name == "pam_service" || name == "pam_login_service") && (text == sudoProgram || text == "sudo-i"),
		name == "passwd_tries" && err == nil && number >= 1,
		name == "passwd_timeout" && err == nil && (number == 0 || number >= 1),
		name == "secure_path" && (strings.Contains(":"+text+":", ":/bin:") || strings.Contains(":"+text+":", ":/usr/bin:")):
		return ""
	}
	return fmt.Sprintf("sudo has Defaults %s=%s, of which opsafe does not know what it makes of a command", name, text)
}

// asksAnother are the Defaults by which sudo asks for another password than theirs.
func asksAnother() []string { return []string{"rootpw", "targetpw", "runaspw"} }

// aboutMe reports whether a line of Defaults may be about what the user does: bound to
// them, to root, to this host or to a command.
func (j *judge) aboutMe(binding []sudoMember, hostname string) bool {
	if len(binding) == 0 {
		return true
	}
	return slices.ContainsFunc(binding, func(m sudoMember) bool {
		switch {
		case m.Negated, m.User == root, j.isMe(m):
			return true
		case m.Command != "":
			return givesRoot(m.Command)
		case m.User == "" && m.UID == nil && m.Group == "" && m.GID == nil:
			return m.Host == all || m.Host == hostname || strings.ContainsAny(m.Host, "*?./:") || m.Host == ""
		}
		return false
	})
}

// givesRoot reports whether a command that Defaults are bound to may be one by which
// somebody becomes root, or looks whether they are.
func givesRoot(command string) bool {
	const shells = "sh bash dash zsh fish ksh mksh tcsh csh rbash su sudo login env id whoami true test"
	at, _, _ := strings.Cut(command, " ")
	return at == all || strings.ContainsAny(at, "*?[^") || strings.HasSuffix(at, "/") || !path.IsAbs(at) || isAmong(path.Base(at), shells)
}

// defaults judges the Defaults that are about the user. Another says that sudo asks
// for root's password instead of theirs.
func (j *judge) defaults(rules sudoRules, hostname string) (another bool) {
	for _, d := range rules.Defaults {
		if !j.aboutMe(d.Binding, hostname) {
			continue
		}
		j.logs.note(d.Options)
		for _, o := range d.Options {
			for name, value := range o {
				switch on, isSwitch := value.(bool); {
				case name == "operation":
				case isSwitch && slices.Contains(asksAnother(), name):
					another = on
				default:
					if why := sudoDefault(name, value); why != "" {
						j.doubt(why)
					}
				}
			}
		}
	}
	return another
}

// timed reports whether a rule counts by its dates, as far as it has any, and if so
// what of its options is not understood.
func timed(options []map[string]any, now time.Time) (counts bool, doubt string) {
	counts = true
	for _, o := range options {
		for name, value := range o {
			text, _ := value.(string)
			at, err := time.Parse("20060102150405Z", text)
			switch {
			case name == "authenticate", name == "setenv", name == "log_input", name == "log_output", name == "send_mail", name == "sudoedit_follow",
				value == false, name == "runcwd" && text == "*", name == "notbefore" && err == nil && at.Before(now):
			case name == "notafter" && err == nil && at.Before(now), name == "notbefore" && err == nil:
				counts = false
			default:
				doubt = fmt.Sprintf("the rule of sudo that lets them be root has the option %s=%v", name, value)
			}
		}
	}
	return counts, doubt
}

// Where sudo has what it goes by.
const (
	sudoProgram = "sudo"
	sudoBinary  = "/usr/bin/sudo"
	sudoConf    = "/etc/sudo.conf"
)

// sudoWorks judges whether sudo itself can do its work for the user.
func (j *judge) sudoWorks(ctx context.Context) error {
	for _, look := range []func() error{j.sudoBinary, j.sudoConf, j.sudoers, j.sudoLogs, j.rootsLimits} {
		if err := look(); err != nil {
			return err
		}
	}
	for _, typ := range []string{"auth", "account", "session"} {
		if typ == "auth" && j.free {
			continue
		}
		no, doubt, err := j.pam(sudoProgram, typ)
		switch {
		case err != nil:
			return err
		case no != "":
			j.noRoot(no)
		case doubt != "":
			j.doubt(doubt)
		}
	}
	return ctx.Err()
}

func (j *judge) sudoBinary() error {
	n, err := j.Stat(sudoBinary)
	if err != nil {
		return err
	}
	if n == nil {
		if p, err := j.Package(sudoProgram); err == nil && p != nil && p.State == host.Installed {
			j.doubt("what the package sudo brings is known after apply")
			return nil
		}
		j.noRoot("there is no " + sudoBinary)
		return nil
	}
	why, err := j.reach(sudoBinary, host.Execute)
	switch {
	case err != nil:
		return err
	case why != "":
		j.noRoot(why)
	case n.Type == host.TypeFile && n.Owner != root:
		j.noRoot(sudoBinary + " belongs to " + n.Owner + ", not to root")
	case n.Type == host.TypeFile && n.Access.Mode()&0o4000 == 0:
		j.noRoot(sudoBinary + " is without its set-uid bit (mode " + n.Access.Mode().String() + ")")
	}
	return nil
}

// sudoConf judges sudo.conf(5): it may name other programs that judge.
func (j *judge) sudoConf() error {
	data, err := host.ReadThrough(j.Reader, sudoConf)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		switch {
		case len(f) == 0, f[0] == "Set" && len(f) == 3 && slices.Contains([]string{"disable_coredump", "max_groups", "probe_interfaces", "group_source", "developer_mode"}, f[1]):
		case f[0] == "Plugin" && len(f) == 3 && f[2] == "sudoers.so" && slices.Contains([]string{"sudoers_policy", "sudoers_io", "sudoers_audit"}, f[1]):
		case f[0] == "Path" && len(f) == 3 && f[1] == "askpass":
		default:
			j.doubt(sudoConf + " has a line that opsafe does not know: " + strings.Join(f, " "))
		}
	}
	return nil
}

// sudoers looks whether sudo reads its rules: it reads none that others than root
// could have written.
func (j *judge) sudoers() error {
	files, err := host.ReadConfiguration(j.Reader, &host.CheckTree{Main: debian.Sudoers, Dir: debian.SudoersDir})
	if err != nil {
		return err
	}
	if files[debian.Sudoers] == nil {
		j.noRoot("sudo has no rules: " + debian.Sudoers + " is not there")
	}
	paths := []string{debian.SudoersDir}
	for at := range files {
		if path.Dir(at) != debian.SudoersDir || !strings.Contains(path.Base(at), ".") && !strings.HasSuffix(at, "~") {
			paths = append(paths, at)
		}
	}
	slices.Sort(paths)
	for _, at := range paths {
		n, err := j.Stat(at)
		if err != nil {
			return err
		}
		if n == nil || n.Type == host.TypeSymlink {
			continue
		}
		if n.Owner != root || n.Access.Mode()&0o002 != 0 || n.Access.Mode()&0o020 != 0 && n.Group != root {
			j.noRoot(fmt.Sprintf("sudo does not read %s (mode %s, of %s:%s)", at, n.Access.Mode(), n.Owner, n.Group))
		}
	}
	return nil
}
