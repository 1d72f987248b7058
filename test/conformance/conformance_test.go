// Package conformance runs the Gateway API's conformance suite; ../../scripts/conformance.ts starts it.
package conformance

import (
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

func TestConformance(t *testing.T) {
	conformance.RunConformance(t)
}
