package kind

import (
	"bytes"
	"strings"
	"testing"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

func TestEditLines(t *testing.T) {
	for _, tt := range []struct{ name, have, lines, want string }{
		{"empty file", "", "a", "a\n"},
		{"there", "a\nb\n", "a", "a\nb\n"},
		{"there, without its newline", "b\na", "a", "b\na"},
		{"missing", "a\n", "b", "a\nb\n"},
		{"missing, last line unfinished", "a", "b", "a\nb\n"},
		{"order is that of the declaration", "b\n", "c,b,a", "b\nc\na\n"},
		{"only whole lines count", "ab\n a\na \n#a\n", "a", "ab\n a\na \n#a\na\n"},
		{"not twice", "", "a,a", "a\n"},
		{"carriage returns are another line", "a\r\n", "a", "a\r\na\n"},
		{"empty lines stay", "a\n\n\n", "b", "a\n\n\nb\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := strings.Split(tt.lines, ",")
			got := string(editLines([]byte(tt.have), lines))
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if again := string(editLines([]byte(got), lines)); again != got {
				t.Errorf("a second time gives %q", again)
			}
		})
	}
}

func TestEditBlock(t *testing.T) {
	const begin, end = "# BEGIN managed by opsafe\n", "# END managed by opsafe\n"
	for _, tt := range []struct{ name, have, comment, block, want string }{
		{"empty file", "", "", "x\n", begin + "x\n" + end},
		{"appended", "a\n", "", "x\n", "a\n" + begin + "x\n" + end},
		{"appended after an unfinished line", "a", "", "x", "a\n" + begin + "x\n" + end},
		{"in its place", "a\n" + begin + "old\n" + end + "b\n", "", "x\ny\n", "a\n" + begin + "x\ny\n" + end + "b\n"},
		{"at the very end, unfinished", "a\n" + begin + "old\n" + strings.TrimSpace(end), "", "x\n", "a\n" + begin + "x\n" + end},
		{"empty block", begin + "old\n" + end, "", "", begin + end},
		{"other comment sign", begin + "old\n" + end, ";", "x\n", begin + "old\n" + end + "; BEGIN managed by opsafe\nx\n; END managed by opsafe\n"},
		{"markers with trailing blanks", "# BEGIN managed by opsafe \nold\n# END managed by opsafe\t\r\nb\n", "", "x\n", begin + "x\n" + end + "b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := EditBlock([]byte(tt.have), tt.comment, tt.block)
			if err != nil || string(got) != tt.want {
				t.Fatalf("got %q, %v, want %q", got, err, tt.want)
			}
			again, err := EditBlock(got, tt.comment, tt.block)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("a second time gives %q, %v", again, err)
			}
		})
	}
}

func TestEditBlockRefuses(t *testing.T) {
	const begin, end = "# BEGIN managed by opsafe\n", "# END managed by opsafe\n"
	for _, tt := range []struct{ name, have, want string }{
		{"no end", "a\n" + begin + "x\n", "line 2"},
		{"no begin", "a\nb\n" + end, "line 3"},
		{"two begins", begin + begin + end, "lines 1 and 2"},
		{"two ends", begin + end + end, "lines 2 and 3"},
		{"two blocks", begin + end + "a\n" + begin + end, "lines 1 and 4"},
		{"the wrong way round", end + begin, "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := EditBlock([]byte(tt.have), "", "x\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that names %s", err, tt.want)
			}
		})
	}
}

func FuzzEdit(f *testing.F) {
	f.Add([]byte("a\nb"), "b", "x\n")
	f.Add([]byte("# BEGIN managed by opsafe\n# END managed by opsafe\n"), "", "")
	f.Fuzz(func(t *testing.T, have []byte, line, block string) {
		if strings.Contains(line, "\n") || strings.Contains(block, "managed by opsafe") {
			return // the spec refuses these
		}
		before := bytes.Clone(have)
		lines := editLines(have, []string{line})
		if !bytes.HasPrefix(lines, have) || !bytes.Equal(have, before) {
			t.Fatalf("what was there has changed: %q to %q", have, lines)
		}
		if again := editLines(lines, []string{line}); !bytes.Equal(again, lines) {
			t.Fatalf("a second time gives %q, not %q", again, lines)
		}
		once, err := EditBlock(have, "", block)
		if err != nil {
			return
		}
		twice, err := EditBlock(once, "", block)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("a second time gives %q, %v, not %q", twice, err, once)
		}
	})
}

// FuzzTexts reads any text as a unit file, as sshd's configuration and as
// variables: what is found stands on a line of its own.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{
		"[Install]\nWantedBy=multi-user.target \\\n a.target\nAlias=\n", "[Install]\nWantedBy=../x /a\n", "\\", "[a\n=\n", "[]\nA=b",
		"Port 22\n  include=\"a b\" c\nUsePAM\tyes\nX\nMatch all\n", "\"\n", "a='b\n", "export A=b\n=c\n # d=e\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data := []byte(text)
		for _, l := range installLinks("a.service", data) {
			if !strings.HasPrefix(l, unitDir) || strings.ContainsAny(l, " \n") {
				t.Fatalf("link %q", l)
			}
		}
		lines := 1 + strings.Count(text, "\n")
		for _, d := range debian.ParseSSHD(data) {
			if d.Key == "" || d.Number < 1 || d.Number > lines {
				t.Fatalf("directive %+v", d)
			}
		}
		for _, name := range host.EnvNames(data) {
			if name == "" || strings.ContainsAny(name, "=\n") {
				t.Fatalf("variable %q", name)
			}
		}
	})
}
