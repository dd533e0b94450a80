package overlay

import "slices"

// table is an account database: its lines in order, found by name and by number. Of
// several with one name or one number the first counts.
type table[T any] struct {
	lines []T
	names map[string]int // where the line of a name is
	ids   map[int]int
	nums  []int // the numbers of all lines, in order
	key   func(line T) (name string, id int)
}

func newTable[T any](lines []T, key func(T) (string, int)) *table[T] {
	t := &table[T]{key: key}
	t.replace(slices.Clone(lines))
	return t
}

// replace has other lines in the place of all.
func (t *table[T]) replace(lines []T) {
	t.lines, t.names, t.ids = lines, make(map[string]int, len(lines)), make(map[int]int, len(lines))
	t.nums = make([]int, 0, len(lines))
	for i := range lines {
		t.index(i)
	}
}

func (t *table[T]) index(i int) {
	name, id := t.key(t.lines[i])
	t.nums = append(t.nums, id)
	if _, known := t.names[name]; !known {
		t.names[name] = i
	}
	if _, known := t.ids[id]; !known {
		t.ids[id] = i
	}
}

// all are the lines, which are not to be changed. They stay what they are until one
// is set.
func (t *table[T]) all() []T { return slices.Clip(t.lines) }

// apart has those who hold the lines keep them as they are, whatever is set.
func (t *table[T]) apart() { t.lines = slices.Clone(t.lines) }

// numbers are those of all lines, in order, which are not to be changed.
func (t *table[T]) numbers() []int { return slices.Clip(t.nums) }

// named is a copy of the line of a name; nil: there is none.
func (t *table[T]) named(name string) *T {
	i, ok := t.names[name]
	return t.at(i, ok)
}

// numbered is as named, by number.
func (t *table[T]) numbered(id int) *T {
	i, ok := t.ids[id]
	return t.at(i, ok)
}

func (t *table[T]) at(i int, ok bool) *T {
	if !ok {
		return nil
	}
	line := t.lines[i]
	return &line
}

func (t *table[T]) add(line T) {
	t.lines = append(t.lines, line)
	t.index(len(t.lines) - 1)
}

// set changes the line of the same name.
func (t *table[T]) set(line T) {
	name, id := t.key(line)
	i := t.names[name]
	_, was := t.key(t.lines[i])
	t.lines[i] = line
	if id != was {
		t.replace(t.lines)
	}
}

// drop removes all lines of a name.
func (t *table[T]) drop(name string) {
	t.replace(slices.DeleteFunc(slices.Clone(t.lines), func(line T) bool { n, _ := t.key(line); return n == name }))
}
