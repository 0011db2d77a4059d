module hpfeeds/tests/interop/go_client

go 1.19

require github.com/d1str0/hpfeeds v0.1.6
