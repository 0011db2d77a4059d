// SPDX-License-Identifier: Apache-2.0

// Command go_client publishes or subscribes with the Go client d1str0/hpfeeds, for tests/interop/go_client.py.
//
//	go_client publish PORT IDENT SECRET CHANNEL    reads a payload a line, in base64, from stdin
//	go_client subscribe PORT IDENT SECRET CHANNEL  prints a line "IDENT BASE64" a message; reconnects for ever
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/d1str0/hpfeeds"
)

const lineBytesMax = 4 * 1024 * 1024

func fail(why error) {
	fmt.Fprintln(os.Stderr, "go_client:", why)
	os.Exit(1)
}

func publish(client *hpfeeds.Client, channel string) {
	if err := client.Connect(); err != nil {
		fail(err)
	}
	feed := make(chan []byte)
	client.Publish(channel, feed)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, lineBytesMax), lineBytesMax)
	for lines.Scan() {
		payload, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			fail(err)
		}
		feed <- payload
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
	// Taken from the feed is not yet written to the socket, and nothing tells when it is: the test, which sees what
	// arrives, ends this process.
	select {}
}

func subscribe(client *hpfeeds.Client, channel string) {
	messages := make(chan hpfeeds.Message)
	for {
		// The client does not reconnect by itself.
		if err := client.Connect(); err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		client.Subscribe(channel, messages)
		for connected := true; connected; {
			select {
			case message := <-messages:
				fmt.Println(message.Name, base64.StdEncoding.EncodeToString(message.Payload))
			case <-client.Disconnected:
				connected = false
			}
		}
	}
}

func main() {
	if len(os.Args) != 6 {
		fail(fmt.Errorf("usage: go_client publish|subscribe PORT IDENT SECRET CHANNEL"))
	}
	port, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fail(err)
	}
	client := hpfeeds.NewClient("127.0.0.1", port, os.Args[3], os.Args[4])
	switch os.Args[1] {
	case "publish":
		publish(&client, os.Args[5])
	case "subscribe":
		subscribe(&client, os.Args[5])
	}
}
