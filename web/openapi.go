package web

import (
	_ "embed"
	"fmt"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
)

// contractYAML is the contract of every path that the server has. Tests hold each response against it.
//
//go:embed openapi.yaml
var contractYAML []byte

// contract serves the contract as JSON, which is made of it once.
func (p *pageServer) contract() gin.HandlerFunc {
	body, err := yaml.YAMLToJSON(contractYAML)
	if err != nil {
		panic(fmt.Errorf("web: openapi.yaml: %w", err)) // embedded when the program was built
	}
	a := newAsset("openapi.json", body, false)
	return a.serve
}
