// SPDX-License-Identifier: Apache-2.0

// A client as Go programs have it: the system's certificates, HTTP/2 where there is some.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for _, url := range os.Args[1:] {
		res, err := http.Get(url)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.Proto, res.StatusCode, len(body), err)
		if res.StatusCode != 200 || err != nil {
			os.Exit(1)
		}
	}
}
