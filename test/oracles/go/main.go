// What franz-go sees of a Kafka broker. Driven by the tests of this folder's parent.
//
//	franz script ADDRESS PREFIX            the steps of docs/kafka-conformance.md, a line of JSON each
//	franz member ADDRESS GROUP TOPIC RANGE|COOPERATIVE   a member of a group, a line of JSON for each thing that happens
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	args := os.Args[1:]
	switch {
	case len(args) == 3 && args[0] == "script":
		script(ctx, args[1], args[2])
	case len(args) == 5 && args[0] == "member":
		member(ctx, args[1], args[2], args[3], args[4])
	default:
		fmt.Fprintln(os.Stderr, "want: script ADDRESS PREFIX | member ADDRESS GROUP TOPIC ASSIGNOR")
		os.Exit(2)
	}
}
