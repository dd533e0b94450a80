package debian

// Files and directories that Debian's packages agree on.
const (
	Passwd    = "/etc/passwd"
	Group     = "/etc/group"
	Shadow    = "/etc/shadow"
	GShadow   = "/etc/gshadow"
	LoginDefs = "/etc/login.defs" // ranges of ids, and how passwords are hashed: login.defs(5)
	Skeleton  = "/etc/skel"       // what a new home begins with

	Sudoers    = "/etc/sudoers"
	SudoersDir = "/etc/sudoers.d"

	// SSHDRunDir is where sshd goes without rights, and without which it does not even
	// check a configuration.
	SSHDRunDir = "/run/sshd"

	AptSources    = "/etc/apt/sources.list"
	AptSourcesDir = "/etc/apt/sources.list.d"

	ChronyConfig  = "/etc/chrony/chrony.conf"
	ChronyDropIns = "/etc/chrony/conf.d"
	DockerConfig  = "/etc/docker/daemon.json"
	CronDir       = "/etc/cron.d"
)

// SSHDUnit is the unit of sshd, and SSHDSocket the one by which systemd listens for it.
const (
	SSHDUnit   = "ssh.service"
	SSHDSocket = "ssh.socket"
)

// DockerUnit is the unit of docker's engine.
const DockerUnit = "docker.service"

// NoLogin is the shell of accounts that nobody logs in to.
const NoLogin = "/usr/sbin/nologin"

// NobodyUID is the number of the account without rights, which is above all people's and
// none of them.
const NobodyUID = 65534

// EnginePackages are the packages that bring the docker engine.
func EnginePackages() []string { return []string{"docker.io", "docker-ce"} }

// ComposeProgram is docker's compose where it is a program of its own.
const ComposeProgram = "/usr/bin/docker-compose"

// ComposePlugins are where it is as a plugin of docker's: the directories that the
// docker program looks in.
func ComposePlugins() []string {
	return []string{
		"/usr/local/lib/docker/cli-plugins/docker-compose", "/usr/local/libexec/docker/cli-plugins/docker-compose",
		"/usr/lib/docker/cli-plugins/docker-compose", "/usr/libexec/docker/cli-plugins/docker-compose",
	}
}
