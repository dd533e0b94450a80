package receive

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
)

// step is by how many bytes a body's memory grows.
const step = 64 << 10

// body reads what is sent, and hands it to a writer as it comes. Its memory is taken as
// it comes, too, so that nobody holds much of it by promising much. Free gives it back.
func (s *Server) body(w http.ResponseWriter, r *http.Request, most int64, to io.Writer) (body []byte, free func(), no *refusal) {
	if r.ContentLength > most {
		return nil, nil, refuse(http.StatusRequestEntityTooLarge, "more than %d bytes", most)
	}
	wait, cancel := context.WithTimeout(r.Context(), s.limits.Wait)
	defer cancel()
	if err := s.memory.Acquire(wait, step); err != nil {
		return nil, nil, &refusal{http.StatusServiceUnavailable, "too many at once", err}
	}
	held := int64(step)
	free = func() { s.memory.Release(held) }
	in := http.MaxBytesReader(w, r.Body, most)
	body = make([]byte, 0, min(max(r.ContentLength, 512), step))
	for {
		if len(body) == cap(body) {
			grown, n := grow(body)
			if !s.memory.TryAcquire(n) {
				free()
				return nil, nil, refuse(http.StatusServiceUnavailable, "too many at once")
			}
			body, held = grown, held+n
		}
		n, err := in.Read(body[len(body):cap(body)])
		if to != nil {
			_, _ = to.Write(body[len(body) : len(body)+n]) // hashes take everything
		}
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, free, nil
		}
		if err != nil {
			free()
			return nil, nil, unread(err)
		}
	}
}

// grow gives a body twice the room, and says how many bytes of memory that takes more.
func grow(body []byte) ([]byte, int64) {
	grown := make([]byte, len(body), max(2*cap(body), step))
	copy(grown, body)
	return grown, int64(cap(grown))
}

// unread is the answer to a body that did not come as it should.
func unread(err error) *refusal {
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return refuse(http.StatusRequestEntityTooLarge, "more than %d bytes", long.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{http.StatusRequestTimeout, "the body did not come in time", err}
	}
	return &refusal{http.StatusBadRequest, "the body broke off", err}
}
