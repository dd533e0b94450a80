package history

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Event is one entry for the system journal. It says what was done to what, never
// with which content.
type Event struct {
	Message string
	// Failed is set when something went wrong.
	Failed bool
	Fields map[string]string
}

// The message ids by which events can be found (journalctl MESSAGE_ID=...).
const (
	MessageBegan   = "7c72253e81424b9781c40e1b009b15c8"
	MessageChanged = "e3aab591360d417793e4a36ed756d099"
	MessageEnded   = "a3415cecb0df4366b0132890161db881"
)

func (b *Book) log(e Event) {
	if b.o.Log != nil {
		b.o.Log(e)
	}
}

// event has the fields that all events have.
func (b *Book) event(id, message string) Event {
	r := b.rec
	e := Event{Message: message, Fields: map[string]string{
		"MESSAGE_ID": id, "OPSAFE_RUN": strconv.Itoa(r.Run), "OPSAFE_COMMAND": r.Title(), "OPSAFE_OPERATOR": r.By,
	}}
	for name, value := range map[string]string{"OPSAFE_BACKEND": r.Backend, "OPSAFE_COMMIT": r.Spec.Commit} {
		if value != "" {
			e.Fields[name] = value
		}
	}
	return e
}

func (b *Book) began() Event {
	n := len(b.rec.Entries)
	what := "1 change is"
	if n != 1 {
		what = fmt.Sprintf("%d changes are", n)
	}
	return b.event(MessageBegan, fmt.Sprintf("run %d: %s by %s begins: %s planned", b.rec.Run, b.rec.Title(), b.rec.By, what))
}

func (b *Book) happened(r change.Result) Event {
	did := map[change.Action]string{change.Add: "added", change.Modify: "changed", change.Remove: "removed", change.Run: "did"}
	message := fmt.Sprintf("run %d: %s %s", b.rec.Run, cmp.Or(did[r.Change.Action], "changed"), r.ID)
	failed := r.Status == change.Failed
	if failed {
		message = fmt.Sprintf("run %d: %s failed", b.rec.Run, r.ID)
	}
	e := b.event(MessageChanged, message)
	e.Failed = failed
	e.Fields["OPSAFE_KIND"], e.Fields["OPSAFE_NAME"] = r.ID.Kind, r.ID.Name
	e.Fields["OPSAFE_RESULT"] = string(r.Status)
	if r.Change.Action != "" {
		e.Fields["OPSAFE_ACTION"] = string(r.Change.Action)
	}
	return e
}

func (b *Book) ended(result Result) Event {
	e := b.event(MessageEnded, fmt.Sprintf("run %d: %s by %s %s", b.rec.Run, b.rec.Title(), b.rec.By, result))
	e.Failed = result != Succeeded
	e.Fields["OPSAFE_RESULT"] = string(result)
	return e
}

func compare(a, b host.Subject) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
}
