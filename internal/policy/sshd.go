// Package policy reads on a host who may get in and become root: where sshd looks for
// keys and certificates by its configuration, and whom the rules of sudo name.
package policy

import (
	"errors"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// sshdWord is one value in sshd's configuration, with the Match blocks that it is in:
// it holds for whom all of them are.
type sshdWord struct {
	value string
	when  []sshdMatch
}

// sshdWords is what sshd's configuration says somewhere, be it in a Match block,
// about where keys and certificates come from.
type sshdWords struct {
	files      []sshdWord // AuthorizedKeysFile
	commands   []sshdWord // AuthorizedKeysCommand
	trusted    []sshdWord // TrustedUserCAKeys
	principals []sshdWord // AuthorizedPrincipalsFile
	askedNames []sshdWord // AuthorizedPrincipalsCommand
}

// sshdNone is the value by which sshd looks for nothing.
const sshdNone = "none"

// keyWords reads sshd's configuration with all that it includes. The default
// files are always among those that it names, and with an error those that could be
// found out: a key in one that is not read now
// comes to life with the next change of the configuration.
func keyWords(r host.Reader) (sshdWords, error) {
	w := sshdWords{files: []sshdWord{{value: ".ssh/authorized_keys"}, {value: ".ssh/authorized_keys2"}}}
	err := w.read(r, debian.SSHDConfig, 0, nil)
	return w, err
}

// read adds what a file says, which is included within the given Match blocks. A
// block ends with its file.
func (w *sshdWords) read(r host.Reader, at string, depth int, within []sshdMatch) error {
	const deepest = 16 // as sshd has it
	if depth > deepest {
		return nil
	}
	if n, err := r.Stat(at); err == nil && n != nil && n.Type == host.TypeSymlink {
		to := n.Target
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(at), to)
		}
		return w.read(r, to, depth+1, within) // as sshd does
	}
	data, err := r.ReadFile(at)
	if err != nil {
		return err
	}
	var unread []error
	when := within
	for _, line := range debian.ParseSSHD(data) {
		if line.Key == "match" && len(line.Args) > 0 {
			when = append(slices.Clone(within), line.Args)
		}
		for _, pattern := range line.Includes() {
			unread = append(unread, w.include(r, pattern, depth, when))
		}
		w.add(line, when)
	}
	return errors.Join(unread...)
}

// add keeps what a line says.
func (w *sshdWords) add(line debian.SSHDLine, when []sshdMatch) {
	list := map[string]*[]sshdWord{
		"authorizedkeysfile":          &w.files,
		"authorizedkeyscommand":       &w.commands,
		"trustedusercakeys":           &w.trusted,
		"authorizedprincipalsfile":    &w.principals,
		"authorizedprincipalscommand": &w.askedNames,
	}[line.Key]
	if list == nil || len(line.Args) == 0 {
		return
	}
	values := line.Args
	if list != &w.files {
		values = values[:1] // a command has arguments, and the others are one file
	}
	for _, v := range values {
		*list = append(*list, sshdWord{value: v, when: when})
	}
}

// include reads the files that an Include line names, by a pattern of glob(7).
func (w *sshdWords) include(r host.Reader, pattern string, depth int, within []sshdMatch) error {
	files, err := glob(r, path.Clean(pattern))
	unread := []error{err}
	for _, at := range files {
		unread = append(unread, w.read(r, at, depth+1, within))
	}
	return errors.Join(unread...)
}

// glob lists the paths that match a pattern, as glob(3) does. With an error, they are
// those that could be found out.
func glob(r host.Reader, pattern string) ([]string, error) {
	dir, base := path.Split(pattern)
	dir = path.Clean(dir)
	dirs := []string{dir}
	var unread []error
	if strings.ContainsAny(dir, `*?[\`) {
		var err error
		dirs, err = glob(r, dir)
		unread = append(unread, err)
	}
	var out []string
	for _, dir := range dirs {
		names, err := r.ReadDir(dir)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		for _, name := range names {
			hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(base, ".")
			if ok, err := path.Match(base, name); err == nil && ok && !hidden {
				out = append(out, path.Join(dir, name))
			}
		}
	}
	return out, errors.Join(unread...)
}

// BesideKeys are what lets in by sshd without a key in a file: files of authorities whose
// certificates it takes, and commands that it asks for keys. What cannot be read is left
// out.
func BesideKeys(r host.Reader) (authorities, commands []string) {
	w, _ := keyWords(r)
	return values(w.trusted), values(w.commands)
}

// values are what is said, be it for nobody, once each, but for what says none.
func values(words []sshdWord) []string {
	var out []string
	for _, w := range words {
		if w.value != sshdNone && !slices.Contains(out, w.value) {
			out = append(out, w.value)
		}
	}
	return out
}
