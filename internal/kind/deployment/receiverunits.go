package deployment

import (
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
	"opsafe/internal/spec"
)

// NoSecret is what systemd gives the receiver for a secret whose file it cannot read: the
// others' hooks work on. It is too short to be one.
const NoSecret = "none"

// declareReceiverUnits are its units, each service before what starts it.
func declareReceiverUnits(in *kind.Input, d *Receiver) []kind.Resource {
	gone := d.State == kind.Absent
	unit := func(name, text string, starts, absent bool) kind.Resource {
		on := true
		decl := &kind.Unit{Text: spec.Text{Content: &text, Data: []byte(text)}}
		if starts {
			decl.Enabled, decl.Running = &on, &on
		}
		if absent {
			decl = &kind.Unit{State: kind.Absent}
		}
		return kind.Resource{
			ID: change.ID{Kind: "receiver", Name: name}, Pos: d.Pos, When: d.When, Looker: kind.UnitLook{In: in, Name: name, Decl: decl},
		}
	}
	units := []kind.Resource{
		unit(queueService, queueServiceText(), false, gone),
		unit(queuePath, queuePathText(), true, gone),
		unit(rangesService, rangesServiceText(d), false, !d.published()),
		unit(rangesTimer, rangesTimerText(), true, !d.published()),
		unit(receiverService, receiverServiceText(hookFiles(in.Backend)), false, gone),
		unit(receiverSocket, receiverSocketText(d), true, gone),
	}
	if !gone && !d.published() {
		units[2], units[3] = units[3], units[2] // nothing starts it by then
	}
	return units
}

// again has a service that cannot do its work, such as one whose program is not there, tried
// once in a while as long as something waits for it. What has started it would do so at
// once, as fast as the machine can, and systemd's limits would close the way in for good.
const again = "Restart=on-failure\nRestartSec=500ms\n"

const unitHeader = "# Managed by opsafe: changes made here are undone.\n"

// receiverSocketText has systemd listen: no process waits, and what comes while there is
// none, or while one dies, waits in the kernel.
func receiverSocketText(d *Receiver) string {
	more := "FreeBind=yes\n"
	if path.IsAbs(d.listen()) {
		more = "SocketMode=0666\nRemoveOnStop=yes\n"
	}
	return unitHeader + `[Unit]
Description=Webhooks for deployments

[Socket]
ListenStream=` + d.listen() + `
` + more + `Backlog=4096
# It stays open, however often the receiver is started.
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
`
}

// sandbox keeps a service from all that it does not need.
const sandbox = `UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
ProtectSystem=strict
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
`

// alone keeps a service from the network, beyond sockets that systemd hands to it.
const alone = `PrivateNetwork=yes
RestrictSUIDSGID=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
`

// receiverServiceText is what takes what comes in.
func receiverServiceText(files []hookFile) string {
	var credentials strings.Builder
	for _, f := range files {
		credentials.WriteString("LoadCredential=" + f.credential + ":" + f.path + "\nSetCredential=" + f.credential + ":" + NoSecret + "\n")
	}
	return unitHeader + `[Unit]
Description=Receiver of webhooks for deployments
Requires=` + receiverSocket + `
After=` + receiverSocket + `
# It ends by itself when nothing comes, and is started as often as something does.
StartLimitIntervalSec=0

[Service]
ExecStart=` + notes.Program + ` receive
User=` + ReceiverAccount + `
Group=` + ReceiverAccount + `
` + credentials.String() + `ReadWritePaths=` + path.Join(notes.Queue, queue.MainName) + `
CapabilityBoundingSet=
PrivateUsers=yes
DevicePolicy=closed
KeyringMode=private
` + sandbox + `SystemCallFilter=~@privileged @resources
` + alone + again + `LimitNOFILE=4096
TasksMax=256
MemoryMax=512M
TimeoutStopSec=90
`
}

func queuePathText() string {
	return unitHeader + `[Unit]
Description=Queue of what has come in for deployments

[Path]
DirectoryNotEmpty=` + path.Join(notes.Queue, queue.MainName) + `

[Install]
WantedBy=multi-user.target
`
}

func queueServiceText() string {
	return unitHeader + `[Unit]
Description=Handing on what has come in for deployments
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=` + notes.Program + ` forward
ReadWritePaths=` + notes.Queue + `
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_FOWNER
` + sandbox + alone + again + `TimeoutStartSec=infinity
`
}

func rangesServiceText(d *Receiver) string {
	return unitHeader + `[Unit]
Description=Asking GitHub from where it sends webhooks
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=` + notes.Program + ` github-ranges
` + environmentFiles(d.EnvFiles) + `ReadWritePaths=` + notes.Dir + `
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
` + sandbox + `RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
TimeoutStartSec=120
`
}

// environmentFiles are the lines of a service by which it has the environment of files.
func environmentFiles(files []string) string {
	var lines strings.Builder
	for _, at := range files {
		lines.WriteString("EnvironmentFile=-" + at + "\n")
	}
	return lines.String()
}

func rangesTimerText() string {
	return unitHeader + `[Unit]
Description=Asking GitHub once a day from where it sends webhooks

[Timer]
OnActiveSec=60
OnUnitActiveSec=1d
AccuracySec=10m

[Install]
WantedBy=timers.target
`
}
