package redis

import "testing"

// TestReplicasOfACluster: whoever starts while a failover is under way waits for
// as many replicas as before it.
func TestReplicasOfACluster(t *testing.T) {
	const (
		first  = "a 127.0.0.1:1@11 master - 0 1 1 connected 0-8191\n"
		second = "b 127.0.0.1:2@12 myself,master - 0 1 2 connected 8192-16383\n"
		ofA    = "c 127.0.0.1:3@13 slave a 0 1 1 connected\n"
		ofB    = "d 127.0.0.1:4@14 slave b 0 1 2 connected\n"
		deadOf = "d 127.0.0.1:4@14 slave,fail b 0 1 2 disconnected\n"
	)
	for name, test := range map[string]struct {
		nodes string
		want  int
	}{
		"none":                            {first + second, 0},
		"one each":                        {first + second + ofA + ofB, 1},
		"one has none":                    {first + second + ofA, 0},
		"one is down":                     {first + second + ofA + deadOf, 1},
		"a master is down":                {"a 127.0.0.1:1@11 master,fail - 0 1 1 disconnected 0-8191\n" + second + ofA + ofB, 1},
		"a replica has taken over":        {"a 127.0.0.1:1@11 master,fail - 0 1 1 disconnected\n" + "c 127.0.0.1:3@13 master - 0 1 3 connected 0-8191\n" + second + ofB, 1},
		"a new node without slots":        {first + second + ofA + ofB + "e 127.0.0.1:5@15 master - 0 1 0 connected\n", 1},
		"nothing that can be read":        {"\n", 0},
		"a node that is being introduced": {first + second + ofA + ofB + "f 127.0.0.1:6@16 handshake - 0 0 0 connected\n", 1},
	} {
		if got := clusterReplicas(test.nodes); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
