package spec

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"opsafe/internal/words"
)

// ownSections checks the sections that kinds have brought along: by the forms of
// their fields, or in the kind's words, and as the kind says.
func (c *Checker) ownSections() {
	for _, p := range c.parts {
		before := len(*c.problems)
		for _, s := range p.Own {
			v, ok := c.b.own[s.Name]
			switch {
			case ok && s.Judge != nil:
				s.Judge(c)
			case ok:
				c.section(s, reflect.ValueOf(v))
			}
		}
		if p.Check != nil {
			formal := map[Pos]bool{} // what has not the form is said to be wrong once
			for _, problem := range (*c.problems)[before:] {
				formal[problem.Pos] = true
			}
			var more Problems
			p.Check(c.b, &more)
			*c.problems = append(*c.problems, slices.DeleteFunc(more, func(p Problem) bool { return formal[p.Pos] })...)
		}
	}
}

// section checks a section's only item, or all of its items with their names.
func (c *Checker) section(s Section, v reflect.Value) {
	if v.Kind() != reflect.Map {
		c.item(v.Elem(), s.Name)
		return
	}
	for _, key := range v.MapKeys() {
		item := v.MapIndex(key).Elem()
		label := s.label(key.String(), "")
		if s.Names != nil {
			c.form(c.schema.metaOf(item).Pos, label, "the name", key.String(), *s.Names)
		}
		c.item(item, label)
	}
}

// item checks the fields of an item that are written and hold text, and those that
// mean the same in all sections.
func (c *Checker) item(v reflect.Value, label string) {
	var when Conditions
	if at, ok := c.schema.of(v.Type()).fields["when"]; ok {
		when, _ = v.FieldByIndex(at).Interface().(Conditions)
	}
	c.fields(v, label, when)
}

// fields checks those of an item, or of a part of one.
func (c *Checker) fields(v reflect.Value, label string, when Conditions) {
	meta := c.schema.metaOf(v)
	for name, index := range Sorted(c.schema.of(v.Type()).fields) {
		if !meta.Has(name) {
			continue
		}
		field := c.schema.fieldOf(v.Type(), name)
		switch value := v.FieldByIndex(index).Interface().(type) {
		case []string:
			for i, text := range value {
				c.form(meta.At(name, i), label, name, text, field.Form)
				c.namedUnit(meta.At(name, i), label+": "+name, text, field.Form, when)
			}
		case map[string]string:
			for key, text := range Sorted(value) {
				if field.Names != nil {
					c.form(meta.AtKey(name, key), label, name, key, *field.Names)
				}
				c.form(meta.AtKey(name, key), label, name, text, field.Form)
			}
		case Notify:
			c.Notify(value, label+": notify", filesAlone, when)
		case Conditions:
		default:
			c.field(v.FieldByIndex(index), *meta, field, label, when)
		}
	}
}

// field checks a field that holds one text, or parts with fields of their own.
func (c *Checker) field(v reflect.Value, m Meta, f Field, label string, when Conditions) {
	switch {
	case v.Kind() == reflect.String:
		c.form(m.At(f.Name), label, f.Name, v.String(), f.Form)
		c.account(m, label, f.Name, v.String())
		c.namedUnit(m.At(f.Name), label+": "+f.Name, v.String(), f.Form, when)
	case v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct:
		c.fields(v.Elem(), f.Name+" of "+label, when)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			c.fields(v.Index(i), f.Name+"["+strconv.Itoa(i)+"] of "+label, when)
		}
	}
}

// namedUnit checks a field whose form is that of a unit: there has to be one.
func (c *Checker) namedUnit(at Pos, label, name string, f Form, when Conditions) {
	if f.Says == UnitForm().Says && f.Fits(name) {
		c.Unit(at, label, name, when)
	}
}

// account checks a field that names an account.
func (c *Checker) account(m Meta, label, field, name string) {
	switch field {
	case "owner":
		c.Owner(m, label, name)
	case "group":
		c.Group(m, label, field, name)
	case "user", "check_as":
		if m.Has(field) && !c.users[name] {
			c.Addf(m.At(field), "%s: %s: %s", label, field, c.noUser(name))
		}
	}
}

// Fits reports whether a text has the pattern and the length that are wanted.
func (f Form) Fits(text string) bool {
	if f.Pattern == "" {
		return true
	}
	fits, err := regexp.MatchString(f.Pattern, text)
	return err == nil && fits && (f.Longest == 0 || len(text) <= f.Longest)
}

// form checks a text against the form that it has to have.
func (c *Checker) form(at Pos, label, field, text string, f Form) {
	if len(f.Words) > 0 {
		c.Choice(at, label, field, text, f.Words)
		return
	}
	if !f.Fits(text) {
		c.Addf(at, "%s: %s %s: want %s", label, field, quote(text), words.Article(f.Says))
	}
}
