package spec

import "path"

// SecretFiles are the files of the repository in which something that the backend
// declares as secret is written.
func (b *Backend) SecretFiles() map[string]bool {
	files := map[string]bool{}
	for _, f := range b.Files {
		if !Is(f.Secret) {
			continue
		}
		for _, field := range []string{"content", "source", "template", "lines", "block", "settings"} {
			files[f.At(field).File] = true
		}
		if s := f.Settings; s != nil { // parts of which can be another file's
			for key := range s.Set {
				files[s.AtKey("set", key).File] = true
			}
			for _, section := range s.Sections {
				for key := range section.Set {
					files[section.AtKey("set", key).File] = true
				}
			}
		}
		for field, name := range map[string]string{"source": f.Source, "template": f.Template} {
			if name != "" {
				files[path.Join(path.Dir(f.At(field).File), name)] = true
			}
		}
	}
	return files
}
