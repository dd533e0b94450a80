package local

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
)

func TestRun(t *testing.T) {
	t.Setenv("SECRET", "canary")
	ctx := context.Background()
	out, err := run(ctx, []string{"env"}, runOptions{env: []string{"A=b"}})
	if err != nil || out != "PATH="+programPath+"\nLANG=C.UTF-8\nA=b\n" && !strings.HasPrefix(out, "PATH=") || strings.Contains(out, "canary") {
		t.Errorf("env: %q, %v", out, err)
	}
	var failed *runError
	_, err = run(ctx, []string{"cat", "/no/such", "-"}, runOptions{})
	if !errors.As(err, &failed) || failed.Code != 1 || !strings.Contains(failed.Output, "No such file") {
		t.Errorf("cat: %v", err)
	}
	if _, err = run(ctx, []string{"no-such-program"}, runOptions{}); !errors.Is(err, host.ErrNoProgram) {
		t.Errorf("missing: %v", err)
	}
	if _, err = run(ctx, []string{"bin/ls"}, runOptions{}); err == nil || errors.Is(err, host.ErrNoProgram) {
		t.Errorf("relative: %v", err)
	}
	if _, err = run(ctx, nil, runOptions{}); err == nil {
		t.Error("an empty vector ran")
	}
}

func TestRunIsKilledWithItsChildren(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := run(ctx, []string{"timeout", "--foreground", "60", "sleep", "60"}, runOptions{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

func TestTailBuffer(t *testing.T) {
	b := &tailBuffer{max: 4}
	for _, s := range []string{"a", "bcd", "ef", "ghijklm"} {
		if _, err := b.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if b.String() != "jklm" || !b.cut {
		t.Errorf("kept %q", b.String())
	}
}
