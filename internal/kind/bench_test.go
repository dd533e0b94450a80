package kind_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"opsafe/internal/kind/kindtest"

	"github.com/rogpeppe/go-internal/txtar"
)

// BenchmarkPlanPeople plans accounts, homes and keys of new people on a bare host.
// The time for one person is the same for few and for many: the plan is linear.
func BenchmarkPlanPeople(b *testing.B) {
	for _, people := range []int{500, 5000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			archive := newPeople(people)
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				in, h := kindtest.SetUp(b, archive)
				b.StartTimer()
				before := processorTime(b)
				kindtest.Converge(b.Context(), in, h)
				spent += processorTime(b) - before
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N*people), "cpu-µs/person")
		})
	}
}

// processorTime is what this process has used, whatever else the machine does.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// newPeople is a spec of people who each have a key, and a host that has none of
// them.
func newPeople(count int) *txtar.Archive {
	var developers strings.Builder
	archive := &txtar.Archive{Files: []txtar.File{
		{Name: "host.yaml"},
		{Name: "backend.yaml", Data: []byte("people: [developers]\nroles: {developers: {groups: [team], keys: [repository]}}\ngroups: {team: {}}\n")},
	}}
	for i := range count {
		name := fmt.Sprintf("person%d", i)
		fmt.Fprintf(&developers, "%s: {roles: [developers]}\n", name)
		sum := sha256.Sum256([]byte(name))
		key := append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), sum[:]...)
		archive.Files = append(archive.Files, txtar.File{
			Name: "keys/" + name, Data: fmt.Appendf(nil, "ssh-ed25519 %s %s\n", base64.StdEncoding.EncodeToString(key), name),
		})
	}
	archive.Files = append(archive.Files, txtar.File{Name: "developers.yaml", Data: []byte(developers.String())})
	return archive
}
