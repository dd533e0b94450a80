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
		for _, field := range []string{"content", "source", "template", "lines", "block"} {
			files[f.At(field).File] = true
		}
		for field, name := range map[string]string{"source": f.Source, "template": f.Template} {
			if name != "" {
				files[path.Join(path.Dir(f.At(field).File), name)] = true
			}
		}
	}
	return files
}
