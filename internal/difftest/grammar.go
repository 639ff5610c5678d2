package difftest

// Grammar is the commands of the state machine: a weight and a template a line.
const Grammar = `
# Strings.
12 SET <key> <value> [NX|XX] [GET] [EX <seconds>|PX <milliseconds>|EXAT <unix-seconds>|PXAT <unix-milliseconds>|KEEPTTL]
10 SET <key> <value>
6  SET <key> <integer>
2  SET <key> <float>
10 GET <key>
4  APPEND <key> <value>
2  GETSET <key> <value>
2  GETDEL <key>
4  GETEX <key> [EX <seconds>|PX <milliseconds>|EXAT <unix-seconds>|PXAT <unix-milliseconds>|PERSIST]
2  SETNX <key> <value>
2  SETEX <key> <seconds> <value>
2  PSETEX <key> <milliseconds> <value>
2  STRLEN <key>
3  (GETRANGE|SUBSTR) <key> <index> <index>
3  SETRANGE <key> <offset> <value>
2  (INCR|DECR) <key>
4  (INCRBY|DECRBY) <key> <integer>
4  INCRBYFLOAT <key> <float>
3  MGET {<key>}
3  MSET {<key> <value>}
2  MSETNX {<key> <value>}
4  SET <key> <letters>
3  LCS <key> <key> [LEN] [IDX] [MINMATCHLEN <index>] [WITHMATCHLEN]
3  LCS <key> <key> IDX [MINMATCHLEN <index>] [WITHMATCHLEN]

# Keys.
3  (DEL|UNLINK) {<key>}
2  (EXISTS|TOUCH) {<key>}
2  TYPE <key>
3  (RENAME|RENAMENX) <key> <key>
3  COPY <key> <key> [DB <db>] [REPLACE]
1  RANDOMKEY
2  KEYS <pattern>
2  SCAN <cursor> [MATCH <pattern>] [COUNT <count>] [TYPE <type>]
2  DBSIZE
1  (FLUSHALL|FLUSHDB) [ASYNC|SYNC]
4  EXPIRE <key> <seconds> [NX|XX|GT|LT]
4  PEXPIRE <key> <milliseconds> [NX|XX|GT|LT]
4  EXPIREAT <key> <unix-seconds> [NX|XX|GT|LT]
4  PEXPIREAT <key> <unix-milliseconds> [NX|XX|GT|LT]
4  (TTL|PTTL|EXPIRETIME|PEXPIRETIME) <key>
2  PERSIST <key>
4  OBJECT ENCODING <key>
1  OBJECT (REFCOUNT|IDLETIME|FREQ|HELP|NOSUCH) <key>
1  OBJECT HELP

# Bits.
4  SETBIT <key> <bit-offset> <bit>
4  GETBIT <key> <bit-offset>
4  BITCOUNT <key> [<index> <index> [BYTE|BIT]]
4  BITPOS <key> <bit> [<index> [<index> [BYTE|BIT]]]
3  BITOP (AND|OR|XOR) <key> {<key>}
1  BITOP (AND|OR|XOR) <key> {<key>} <key> {<key>} {<key>}
1  BITOP NOT <key> <key>
4  BITFIELD <key> {GET <field> <field-offset>|SET <field> <field-offset> <integer>|INCRBY <field> <field-offset> <integer>|OVERFLOW (WRAP|SAT|FAIL|NOSUCH)}
1  BITFIELD_RO <key> {GET <field> <field-offset>}
1  BITFIELD_RO <key> {GET <field> <field-offset>|SET <field> <field-offset> <integer>|OVERFLOW SAT}
`

// FrontEndGrammar is commands that a server answers without its state machine, and those that are no commands at
// all.
const FrontEndGrammar = `
4 SET <key> <value>
4 GET <key>
2 PING [<value>]
2 ECHO <value>
2 SELECT <db>
1 WAIT 0 0
3 NOSUCH {<value>}
2 <value> {<value>}
1 HELLO <bad-proto>
2 COMMAND GETKEYS (SET <key> <value>|MSET {<key> <value>}|GET <key>|BITOP AND <key> {<key>}|LCS <key> <key>|PING|NOSUCH)
1 COMMAND NOSUCH
1 CLIENT NOSUCH
1 COMMAND (INFO|LIST|DOCS|COUNT|GETKEYSANDFLAGS) NOSUCH
1 CONFIG (GET|SET) nosuch <value>
1 CONFIG NOSUCH
`
