package cli

import (
	"opsafe/internal/host/local"
	"opsafe/internal/notes"
	"opsafe/internal/roster"
)

// Surrounding is what all commands have in common in one respect. The manual page
// of opsafe and docs/reference/commands.md are made from it.
type Surrounding struct {
	// Title is the respect, as manual pages call it.
	Title string
	Items []Item
}

// Item is a thing of the surroundings, and what is to be known of it.
type Item struct{ Name, Is string }

// Surroundings are the exit codes, the variables that are heeded, and the files
// that opsafe keeps on a host.
func Surroundings() []Surrounding {
	return []Surrounding{
		{"EXIT STATUS", []Item{
			{"0", "The host is in its declared state, the plan is made, or what was asked for is done. With --exit-code or --check: and there is nothing to do."},
			{"1", "Something failed, a spec is not valid, or not everything could be seen (of plan: with --exit-code). Of keys update: somebody's keys could not be told."},
			{"2", "With --exit-code or --check: there are changes. Of status: something has drifted."},
			{"3", "Of status: the host is as declared, but there is something on it that no list knows."},
		}},
		{"ENVIRONMENT", []Item{
			{"OPSAFE_BACKEND", "The backend, where --backend does not say it."},
			{"OPSAFE_DIR", "The repository, where --dir does not say it."},
			{"NO_COLOR", "No colour on a terminal. In a pipe there is none anyway."},
			{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The way to the server that knows people's registered keys, and to archives that are fetched from an address. Lower case will do."},
			{"SUDO_USER", "Who is recorded as having run it."},
		}},
		{"FILES", files()},
	}
}

func files() []Item {
	return []Item{
		{backendFile, "The host's backend, by bootstrap, which also writes " + profileFile + ", " + binaryFile + " and " + completionFile + "."},
		{defaultDir, "The repository, where nothing else says it and none is around."},
		{notes.Pending, "Restarts and reloads that are owed. Written before the change that causes them, so that a run that dies in between loses none: the next one makes up for it. With sshd's drop-ins as they were, in case it does not come through its reload."},
		{notes.History, "A record of each run that changed the host, with what it replaced. Only root can read it, since there may be secrets in it. At most 200 records and 64 MiB; the oldest go first."},
		{roster.TombstonePath("NAME"), "Who has been disabled here, when, by whom, and what they had."},
		{notes.Revoked, "Keys that revoke-key keeps out until the lists have caught up."},
		{notes.Said, "PROJECT.SERVICE.log: the last lines that a container has said which had to go, without the values of its environment. Only root can read them."},
		{notes.Kept + "/NAME", "Copies of jobs and units that disable-user has removed. Only root can read them."},
		{notes.Lines, "Which lines are in files because the spec had them under lines, so that a changed one can take the place of the one that it was. None of a secret file."},
		{notes.Unpacked, "What was unpacked from archives and wheels, and what its files were then."},
		{notes.Unchecked, "Checks of archives that are owed, and where the links led before. Written before they move, so that after a run that dies in between the next one runs the check, and has them lead back if it fails."},
		{notes.Confirm, "What comes back unless it is confirmed. Only root can read it. With it the units opsafe-revert.timer and opsafe-revert.service, and " + notes.Revert + ", a copy of opsafe. Gone after opsafe confirm."},
		{notes.Deployments + "/NAME.json", "What a deployment is: what opsafe deploy goes by. No secrets."},
		{notes.Deployments + "/NAME.state.json", "How a deployment is: what is deployed, what was before, what is being tried, and what came of it lately."},
		{notes.Environments + "/NAME.json", "Which files make up an environment, and which variables have to be in it: what opsafe env goes by. No values."},
		{notes.Firewalls + "/NAME.json", "The firewall of a docker network, as it is loaded before docker starts. Only root can read it."},
		{notes.Status, "Since when things are as status saw them last."},
		{notes.Upgrades, "How many packages could be upgraded, so that apt need not be asked each time."},
		{notes.Queue, "What is to be deployed, a file for each push or request: in main as it came in, in a directory for each deployment what waits for it, in aside what could not be handled, and in void what was dropped on purpose, with the reason."},
		{notes.Receiver, "What the receiver of webhooks goes by, without secrets."},
		{notes.Ranges, "From where GitHub sends webhooks, as it has told last."},
		{local.LockPath, "Held by the run that is at work."},
	}
}
