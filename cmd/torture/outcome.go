package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"redoubt/internal/lin"
)

// outcome is what a client knows of a command that it sent.
type outcome struct {
	lin.Outcome
	reply  lin.Reply
	unread bool   // done, and the reply was not told
	moved  string // who leads, if the reply said so
	lost   bool   // the connection is of no more use
	// strange is an error that no correct client should be given.
	strange string
}

// judge reads what the client library returned.
func judge(reply any, err error) outcome {
	var answered redis.Error
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return outcome{Outcome: lin.Done, reply: toReply(reply)}
	case errors.As(err, &answered):
		return judgeError(answered.Error())
	case isDial(err):
		return outcome{Outcome: lin.NotDone, lost: true}
	}
	return outcome{Outcome: lin.Unknown, lost: true}
}

// isDial reports whether nothing was sent.
func isDial(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout)
}

// judgeError reads an error reply by its code.
func judgeError(text string) outcome {
	code, rest, _ := strings.Cut(text, " ")
	switch code {
	case "MOVED":
		if _, address, ok := strings.Cut(rest, " "); ok {
			return outcome{Outcome: lin.NotDone, moved: address}
		}
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MISCONF":
		return outcome{Outcome: lin.NotDone, lost: true}
	case "UNCERTAIN":
		return outcome{Outcome: lin.Unknown, lost: true}
	}
	return outcome{Outcome: lin.Unknown, lost: true, strange: "-" + text}
}

// toReply puts a reply of the client library into the checker's terms.
func toReply(reply any) lin.Reply {
	switch r := reply.(type) {
	case nil:
		return lin.Null()
	case string:
		return lin.Text(r)
	case int64:
		return lin.Int(r)
	case []any:
		items := make([]lin.Reply, len(r))
		for i, item := range r {
			items[i] = toReply(item)
		}
		return lin.Array(items...)
	}
	return lin.Error(fmt.Sprintf("STRANGE reply of type %T", reply))
}
