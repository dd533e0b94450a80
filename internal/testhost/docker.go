package testhost

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// busybox is the statically linked program of busybox-static.
const busybox = "/bin/busybox"

// ImportBusybox makes a docker image of this machine's busybox-static in the
// host, as no registry is to be reached.
func (h *Host) ImportBusybox(ctx context.Context, tag string) error {
	image, err := busyboxTar(ctx)
	if err != nil {
		return fmt.Errorf("cannot make a busybox image: %w", err)
	}
	cmd := h.Command(ctx, "docker", "import", "--change", `CMD ["sh"]`, "-", tag)
	cmd.Stdin = bytes.NewReader(image)
	if _, err := runTool(cmd); err != nil {
		return fmt.Errorf("cannot import %s into host %s: %w", tag, h.name, err)
	}
	return nil
}

// busyboxTar is the root file system of the image.
func busyboxTar(ctx context.Context) ([]byte, error) {
	program, err := os.ReadFile(busybox)
	if err != nil {
		return nil, err
	}
	applets, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list busybox's programs: %w", err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(h tar.Header, content []byte) {
		if err == nil {
			h.Size = int64(len(content))
			err = w.WriteHeader(&h)
		}
		if err == nil {
			_, err = w.Write(content)
		}
	}
	for _, d := range []string{"bin/", "etc/", "root/", "dev/", "proc/", "sys/"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: d, Mode: 0o755}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/group", Mode: 0o644}, []byte("root:x:0:\n"))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program)
	for _, a := range strings.Fields(string(applets)) {
		if a != "busybox" {
			add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + a, Linkname: "busybox", Mode: 0o777}, nil)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
