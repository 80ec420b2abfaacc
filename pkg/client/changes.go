package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Changes is a page of what is said, in the order in which the hub takes it, each word at least once.
type Changes struct {
	Changes []Change `json:"changes"`
	// Next is the cursor of what comes after.
	Next string `json:"next"`
	// More says that there is more already.
	More bool `json:"more"`
	// Recheck says that what was told before may not stand any more: ask again about what you keep.
	Recheck bool `json:"recheck,omitzero"`
	// AsOf is the time before which all is known that this partner may see; zero while there is more.
	AsOf time.Time `json:"as_of,omitzero"`
}

// Change is one partner's word on one digest, without the partner.
type Change struct {
	// Word names what one partner says of one digest, for this partner alone: of two changes of one Word that with the
	// greater Version, compared as text, stands. About names the digest in the same way.
	Word    string `json:"word"`
	About   string `json:"about"`
	Version string `json:"version"`
	// Stance is "listed", "upheld", "sighted", "cleared", "withdrawn" or "disputed"; of the last two Indicator is nil: find
	// what they correct by Word and About.
	Stance     string         `json:"stance"`
	AcceptedAt time.Time      `json:"accepted_at,omitzero"`
	Indicator  *IndicatorName `json:"indicator,omitempty"`
	Grade      string         `json:"grade,omitempty"`
	Category   string         `json:"category,omitempty"`
	Confidence int            `json:"confidence,omitzero"`
	Advice     string         `json:"advice,omitempty"`
	ExpiresAt  time.Time      `json:"expires_at,omitzero"`
	TLP        string         `json:"tlp,omitempty"`
	Group      string         `json:"group,omitempty"`
}

// Changes asks for the page after a cursor, and without one for what is said from now on.
func (c *Client) Changes(ctx context.Context, cursor string) (Changes, error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	var page Changes
	if err := c.call(ctx, request{method: http.MethodGet, path: "/v1/changes", query: query}, &page); err != nil {
		return Changes{}, fmt.Errorf("changes: %w", err)
	}
	return page, nil
}

// A stream that says nothing for so long has broken: the hub says something every ten seconds.
const silence = 30 * time.Second

// Follow calls each with what is said, as it is said, from a cursor on or, without one, from now on. It connects again
// when the stream ends, where it was, until ctx ends or each returns an error, which it returns. Where the hub no longer
// holds what comes next it begins with what was said since it last knew all, and that page has Recheck. A refusal for
// good is a [*Problem].
func (c *Client) Follow(ctx context.Context, cursor string, each func(Changes) error) error {
	var (
		known time.Time // up to which all is known
		stop  error     // of each
		pause = minPause
		gone  bool
	)
	for {
		query := url.Values{}
		switch {
		case cursor != "":
			query.Set("cursor", cursor)
		case !known.IsZero():
			query.Set("since", known.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
		err := c.follow(ctx, query, func(page Changes) error {
			page.Recheck = page.Recheck || gone
			gone, pause = false, minPause
			if stop = each(page); stop != nil {
				return stop
			}
			if cursor = page.Next; !page.AsOf.IsZero() {
				known = page.AsOf
			}
			return nil
		})
		problem := new(Problem)
		switch {
		case stop != nil:
			return stop
		case ctx.Err() != nil:
			return fmt.Errorf("changes: %w", context.Cause(ctx))
		case errors.As(err, &problem) && problem.Status == http.StatusGone:
			cursor, gone = "", true
		case errors.As(err, &problem) && !problem.Temporary():
			return fmt.Errorf("changes: %w", err)
		}
		timer := time.NewTimer(pause)
		pause = min(2*pause, 5*time.Second)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// follow reads one stream to its end.
func (c *Client) follow(ctx context.Context, query url.Values, each func(Changes) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	broken := time.AfterFunc(silence, cancel)
	defer broken.Stop()
	target := c.server.JoinPath("/v1/changes")
	target.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("User-Agent", c.userAgent)
	endless := *c.http
	endless.Timeout = 0 // it would bound the whole stream
	answer, err := endless.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewReaderSize(answer.Body, 64<<10)
	if answer.StatusCode != http.StatusOK {
		body := make([]byte, 64<<10)
		n, _ := lines.Read(body)
		return problemOf(answer, body[:n])
	}
	for {
		line, err := readLine(lines)
		if err != nil {
			return err
		}
		broken.Reset(silence)
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var page Changes
		if err := json.Unmarshal([]byte(data), &page); err != nil {
			return errors.New("an event is not of the form that this client knows")
		}
		if err := each(page); err != nil {
			return err
		}
	}
}

// readLine reads one line of at most maxAnswer bytes.
func readLine(from *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, more, err := from.ReadLine()
		if err != nil {
			return "", err
		}
		if line = append(line, part...); !more {
			return string(line), nil
		}
		if len(line) > maxAnswer {
			return "", errors.New("an event is too long")
		}
	}
}
