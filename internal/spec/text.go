package spec

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"strconv"
	"strings"
	"text/template"

	"opsafe/internal/words"
)

// textFile is a file beside a spec, read once.
type textFile struct {
	data []byte
	err  error
}

// loadTexts reads the files that a backend refers to and parses its templates.
func (l *loader) loadTexts(b *Backend, problems *Problems) {
	for name, f := range b.Files {
		l.text(f.Meta, "file "+name, &f.Text, problems)
		l.checkTemplate(b, f.At("template"), &f.Text, Is(f.Secret), problems)
	}
	for name, a := range b.AuthorizedKeys {
		a.FromData = make([][]byte, len(a.From))
		for i, from := range a.From {
			a.FromData[i] = l.beside(a.At("from", i), fmt.Sprintf("authorized_keys of %s: from", name), from, problems)
		}
	}
}

// loadBeside makes sure that what is not read is there.
func (l *loader) loadBeside(b *Backend, problems *Problems) {
	for _, p := range l.parts {
		if p.Beside == nil {
			continue
		}
		for _, f := range p.Beside(b) {
			l.there(f, problems)
		}
	}
}

// there makes sure that a file beside the spec is there, without reading it.
func (l *loader) there(f Beside, problems *Problems) {
	file, err := beside(f.At.File, f.Name)
	if err == nil {
		var st fs.FileInfo
		st, err = l.root.Stat(file)
		switch {
		case err != nil:
			err = cause(err)
			err = fmt.Errorf("cannot read %s: %w%s", file, err, l.nearFile(file, err, problems))
		case f.Dir != nil && !st.IsDir():
			err = fmt.Errorf("cannot read %s: it is no directory", file)
		case f.Dir != nil:
			err = l.judgeDir(file, f.Dir)
		case !st.Mode().IsRegular():
			err = fmt.Errorf("cannot read %s: it is no regular file", file)
		}
	}
	if err != nil {
		problems.Addf(f.At, "%s: %v", f.Label, err)
	}
}

func (l *loader) judgeDir(dir string, judge func(names []string) error) error {
	entries, err := fs.ReadDir(l.root.FS(), dir)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return judge(names)
}

// loadOwn reads the files that sections of kinds refer to.
func (l *loader) loadOwn(b *Backend, problems *Problems) {
	for _, p := range l.parts {
		for _, s := range p.Own {
			if v, ok := b.own[s.Name]; ok {
				l.itemTexts(b, s.Field, reflect.ValueOf(v), "", problems)
			}
		}
		if p.Texts != nil {
			p.Texts(b, func(at Pos, label, name string) []byte { return l.beside(at, label, name, problems) })
		}
	}
}

// itemTexts reads the texts of a section's items, and of items that are in these.
func (l *loader) itemTexts(b *Backend, f Field, v reflect.Value, parent string, problems *Problems) {
	if v.Kind() != reflect.Map || v.Type().Elem().Kind() != reflect.Pointer {
		return
	}
	for _, key := range v.MapKeys() {
		item, label := v.MapIndex(key).Elem(), f.label(key.String(), parent)
		if text := item.FieldByName("Text"); text.IsValid() && text.Type() == reflect.TypeFor[Text]() {
			t, _ := text.Addr().Interface().(*Text)
			m := l.schema.metaOf(item)
			l.text(*m, label, t, problems)
			l.checkTemplate(b, m.At("template"), t, false, problems)
		}
		for name, index := range l.schema.of(item.Type()).fields {
			l.itemTexts(b, l.schema.fieldOf(item.Type(), name), item.FieldByIndex(index), label, problems)
		}
	}
}

func (l *loader) text(m Meta, label string, t *Text, problems *Problems) {
	switch {
	case t.Content != nil:
		t.Data = []byte(*t.Content)
	case t.Source != "":
		t.Data = l.beside(m.At("source"), label+": source", t.Source, problems)
	case t.Template != "":
		t.Data = l.beside(m.At("template"), label+": template", t.Template, problems)
	}
}

// beside reads a file whose path is written at a place, relative to that.
func (l *loader) beside(at Pos, label, name string, problems *Problems) []byte {
	file, err := beside(at.File, name)
	if err != nil {
		problems.Addf(at, "%s: %v", label, err)
		return nil
	}
	t, ok := l.texts[file]
	if !ok && len(*problems) >= maxMissing {
		return nil
	}
	if !ok {
		t.data, t.err = l.read(file, maxText)
		l.texts[file] = t
	}
	if t.err != nil {
		problems.Addf(at, "%s: %v%s", label, t.err, l.nearFile(file, t.err, problems))
	}
	return t.data
}

var templateLine = words.Pattern(`^template: [^:]*:(\d+)(?::\d+)?: (.*)$`)

// checkTemplate looks for syntax errors; values are looked up on the host. What is
// wrong with a secret one may quote it, and is not said.
func (l *loader) checkTemplate(b *Backend, at Pos, t *Text, secret bool, problems *Problems) {
	if t.Data == nil || t.Template == "" {
		return
	}
	parsed, err := template.New("").Option("missingkey=error").Parse(string(t.Data))
	if err == nil {
		l.checkFields(parsed, b, path.Join(path.Dir(at.File), t.Template), t.Data, problems)
		return
	}
	place := Pos{File: path.Join(path.Dir(at.File), t.Template), Line: 1, Column: 1}
	text := err.Error()
	if m := templateLine().FindStringSubmatch(strings.ReplaceAll(text, "\n", " ")); m != nil {
		place.Line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	if secret {
		text = "what is wrong is kept back, since the content is secret"
	}
	problems.Addf(place, "cannot read the template: %s", text)
}

// Known is the text as far as it is known before it reaches a host: templates are filled in
// there.
func (t Text) Known() (string, bool) {
	if t.Content != nil {
		return *t.Content, true
	}
	return string(t.Data), t.Source != "" && t.Data != nil
}
