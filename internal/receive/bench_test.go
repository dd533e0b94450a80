package receive

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// BenchmarkDeliveries sends signed pushes over connections of their own, and measures how
// long each takes, beside a server that does nothing but write what it gets into a file
// and sync it: no receiver that answers once an entry is on the disk can do with less.
func BenchmarkDeliveries(b *testing.B) {
	b.Run("receiver", func(b *testing.B) {
		root := newRoot(b, "")
		s, err := New(Options{
			Note: deployment.Note{Any: true, Hooks: hooks()}, Secrets: secrets(), Limits: DefaultLimits(),
			Queue: queue.Open(filepath.Join(root, queue.MainName)), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			b.Fatal(err)
		}
		benchmark(b, s)
	})
	b.Run("bare", func(b *testing.B) {
		dir := b.TempDir()
		benchmark(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := bare(dir, r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}))
	})
}

// bare writes one file and syncs it.
func bare(dir string, body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	name := make([]byte, 8)
	rand.Read(name) // never fails
	f, err := os.Create(filepath.Join(dir, hex.EncodeToString(name)))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// benchmark has 16 senders share b.N pushes of 8 KiB.
func benchmark(b *testing.B, h http.Handler) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	srv.SetKeepAlivesEnabled(false)
	go func() { _ = srv.Serve(l) }()
	defer func() { _ = srv.Close() }()
	const senders = 16
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range senders {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				begun := time.Now()
				if err := deliver(l.Addr().String(), i); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(begun)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
}

// deliver sends the push of a number.
func deliver(at string, i int) error {
	body := push("durhack/site", fmt.Sprint("refs/heads/", i))
	body = body[:len(body)-1] + `,"x":"` + strings.Repeat("x", 8<<10) + `"}`
	req, err := http.NewRequest(http.MethodPost, "http://"+at+GitHubPath, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Hub-Signature-256", sign(siteSecret, body))
	req.Header.Set("X-GitHub-Event", "push")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("answered with %s", resp.Status)
	}
	return nil
}
