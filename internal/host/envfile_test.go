package host_test

import (
	"slices"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// TestHideEnv looks for a value in each form in which somebody may have written it
// down, and that the rest stays readable.
func TestHideEnv(t *testing.T) {
	names := map[string]bool{"TOKEN": true, "DB_PASSWORD": true}
	for _, text := range []string{
		"TOKEN=canary\n",
		"TOKEN = canary\n",
		"TOKEN=  canary",
		"#TOKEN=canary\n",
		"#  export TOKEN=canary\n",
		"; token=canary\n",
		"token: canary\n",
		"  Token : canary\n",
		"export TOKEN=canary\n",
		"export\tTOKEN=canary\n",
		"export A=1 TOKEN=canary\n",
		"set TOKEN=canary\n",
		"\"TOKEN\": \"canary\",\n",
		"TOKEN=\"first\ncanary\"\n",
		"TOKEN='first\n\ncanary\nlast'\n",
		"TOKEN=\"a \\\" b\ncanary\"\n",
		"TOKEN=\"never closed\ncanary\n",
		"TOKEN=first\\\ncanary\n",
		"A=1\r\nDB_PASSWORD=canary\r\n",
		"TOKEN+=canary\n",
		"TOKEN[0]=canary\n",
		"setenv TOKEN canary\n",
		"set -x TOKEN canary\n",
		"set -g -x DB_PASSWORD canary more\n",
		"DB_PASSWORD<<EOF\nfirst\ncanary\nEOF\n",
		"DB_PASSWORD <<- 'EOF'\n\tcanary\n\tEOF\n",
		"TOKEN<<EOF\nnever ended\ncanary\n",
		"Db-Password=canary\n",
		"DB-PASSWORD: canary\n",
	} {
		got := host.HideEnv("/x.env", "BEFORE=kept\n"+text, names)
		if strings.Contains(got, "canary") || !strings.Contains(got, "(secret, digest ") || !strings.Contains(got, "BEFORE=kept\n") {
			t.Errorf("of %q there is %q", text, got)
		}
		if again := host.HideEnv("/x.env", got, names); again != got {
			t.Errorf("of %q there is %q the second time", got, again)
		}
	}
	const plain = "MYTOKEN=kept\nTOKEN_FILE=kept\nTOKEN=\n# TOKEN\nOTHER=\"a\nb\"\n"
	if got := host.HideEnv("/x.env", plain, names); got != plain {
		t.Errorf("of what is not secret there is %q", got)
	}
	if got := host.HideEnv("/x.env", "TOKEN=\"a\nb\"\nAFTER=kept\n", names); !strings.HasSuffix(got, ")\nAFTER=kept\n") {
		t.Errorf("what comes after a value is %q", got)
	}
	if got := host.HideEnv("/x.env", "TOKEN<<EOF\na\nEOF\nAFTER=kept\n", names); !strings.HasSuffix(got, ")\nAFTER=kept\n") {
		t.Errorf("what comes after the lines of a value is %q", got)
	}
}

// TestIsEnvFile: environment files have many names, as have the copies that an
// editor or a hurried person leaves beside them.
func TestIsEnvFile(t *testing.T) {
	for _, p := range []string{
		"/srv/app.env", "/srv/.env", "/srv/.env.local", "/srv/.envrc", "/srv/app.env.old", "/srv/.env~", "/srv/prod.ENV",
		"/srv/prod.env.bak", "/srv/app.env-1", "/srv/app.env_old", "/etc/environment", "/etc/default/app", "/etc/environment.d/app.conf",
	} {
		if !host.IsEnvFile(p) {
			t.Errorf("%s is no environment file", p)
		}
	}
	for _, p := range []string{"/srv/env.d/app", "/srv/environment", "/srv/app.environ", "/srv/app.envoy.yaml", "/srv/venv", "/etc/app.conf"} {
		if host.IsEnvFile(p) {
			t.Errorf("%s is an environment file", p)
		}
	}
}

// TestEnvNames: a variable has one name, however it is assigned.
func TestEnvNames(t *testing.T) {
	got := host.EnvNames([]byte("A=1\nexport B=2\nC+=3\nD[0]=4\n# E=5\nF\n"))
	if want := []string{"A", "B", "C", "D"}; !slices.Equal(got, want) {
		t.Errorf("the names are %q, not %q", got, want)
	}
}

// TestEnvValue: the last assignment counts, and neither a comment nor the lines of a
// value in quotes assign anything.
func TestEnvValue(t *testing.T) {
	data := []byte("A='1'\nB=\"x\nA=2\nC=\"\nexport D = 4\r\nE=5\\\nF=6\nA+=7\n# A=8 \\\nH=8\nG=")
	for name, want := range map[string]string{"A": "7", "B": "x\nA=2\nC=", "C": "", "D": "4", "F": "", "G": "", "H": "8"} {
		if got := host.EnvValue(data, name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if got := host.EnvUnset(data); !slices.Equal(got, []string{"G"}) {
		t.Errorf("without a value are %q", got)
	}
}

// TestEnvironment reads odd and hostile values as systemd does, since its version 254.
func TestEnvironment(t *testing.T) {
	const text = "# A=0\n; A=0 \\\nA=1\r\n# C:\\\r\n  B = x y  \nC=\"a b $HOME \\$x `id` \\n\\\nc\"  'd'\nD='it\\ \"x\" $(id)\nX=1' e\n" +
		"E=\nF=a\\b\\\\c\\ \nG=a#b # c\nH=x\"y\"z\nbad line\n1X=no\nexport I=1\nJ+=1\nK=1\\\n2\nL==\nM=\x00\nN=\xff\nA=3"
	var got []string
	for name, value := range host.Environment([]byte(text)) {
		got = append(got, name+"="+value)
	}
	want := []string{
		"A=1", "B=x y", "C=a b $HOME $x `id` \\ncd", "D=it\\ \"x\" $(id)\nX=1e", "E=", "F=ab\\c ", "G=a#b # c", `H=x"y"z`, "K=12", "L==", "A=3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it is\n%q, not\n%q", got, want)
	}
}
