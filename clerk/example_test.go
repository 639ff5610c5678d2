package clerk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"redoubt/clerk"
)

func Example() {
	c, err := clerk.New([]string{"127.0.0.1:6379", "127.0.0.1:6380", "127.0.0.1:6381"}, clerk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	// Appended once, also if the leader dies after it has applied the command and before it has answered.
	switch err := c.Append(ctx, "journal", "started;"); {
	case errors.Is(err, clerk.ErrUncertain):
		fmt.Println("sent, and not answered within ten seconds:", err)
	case err != nil:
		fmt.Println("not done:", err)
	}
	journal, found, err := c.Get(ctx, "journal")
	fmt.Println(journal, found, err)
}
