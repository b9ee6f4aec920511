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
	body, err := contractJSON()
	if err != nil {
		panic(err) // embedded when the program was built
	}
	return newAsset("openapi.json", body, false).serve
}

// contractJSON is the contract as it is served.
func contractJSON() ([]byte, error) {
	body, err := yaml.YAMLToJSON(contractYAML)
	if err != nil {
		return nil, fmt.Errorf("web: openapi.yaml: %w", err)
	}
	return body, nil
}
