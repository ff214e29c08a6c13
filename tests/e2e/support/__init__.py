"""What the end-to-end tests share: the program under test, certificates, peers and backends."""
