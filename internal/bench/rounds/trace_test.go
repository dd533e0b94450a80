package main

import "testing"

func TestCountStarted(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want int
	}{
		{[]string{"/bin/true"}, 0},
		{[]string{"/bin/sh", "-c", "exec /bin/true"}, 1},
		{[]string{"/bin/sh", "-c", "/bin/true; /bin/true; :"}, 4}, // a fork and an exec each
		{[]string{"/bin/sh", "-c", "(/bin/true; :) & wait"}, 3},
	} {
		got, err := countStarted(c.argv)
		if err != nil || got != c.want {
			t.Errorf("%q: got %d, %v, want %d", c.argv, got, err, c.want)
		}
	}
	if _, err := countStarted([]string{"/bin/false"}); err == nil {
		t.Error("a program that fails is no error")
	}
}
