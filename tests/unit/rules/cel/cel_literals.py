"""Awkward literals of CEL, by type."""

LITERALS = {
    "bool": ["true", "false"],
    "int": [
        *("0", "1", "-1", "2", "3", "7", "10", "255", "-3", "9007199254740993", "9007199254740992"),
        *(
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775806",
            "1510563600",
            "4611686018427387904",
        ),
    ],
    "uint": [
        "0u",
        "1u",
        "2u",
        "3u",
        "7u",
        "18446744073709551615u",
        "9223372036854775808u",
        "9007199254740993u",
    ],
    "double": [
        *(
            "0.0",
            "-0.0",
            "1.0",
            "-1.0",
            "0.5",
            "2.0",
            "2.5",
            "-7.25",
            "1e300",
            "-1e300",
            "5e-324",
            "0.1",
            "1e15",
        ),
        *("123456.0", "1234567.5", "9007199254740992.0", "9223372036854775807.0", "-9223372036854775808.0"),
        *(
            "18446744073709551616.0",
            "(1.0/0.0)",
            "(-1.0/0.0)",
            "(0.0/0.0)",
            "9223372036854774784.0",
            "3.0",
            "1e-5",
        ),
    ],
    "string": [
        *(
            '""',
            '"a"',
            '"b"',
            '"ab"',
            '"A"',
            '"é"',
            '"e\\u0301"',
            '"😀"',
            '"\\uffff"',
            '"a😀b"',
            '"x\\ny"',
            '"1"',
        ),
        *(
            '"true"',
            '"-5"',
            '"1.5"',
            '" 7 "',
            '"0x1f"',
            '"inf"',
            '"t"',
            '"2020-02-29T12:30:15.5Z"',
            '"1h30m"',
            '"1e3"',
        ),
        *(
            '"UTC"',
            '"Asia/Ho_Chi_Minh"',
            '"-05:30"',
            '"America/New_York"',
            '"\\u0000"',
            '"$^"',
            '"18446744073709551615"',
        ),
    ],
    "bytes": ['b""', 'b"a"', 'b"ab"', 'b"\\xff"', 'b"\\xc3\\xa9"', 'b"\\x00"', 'b"b"'],
    "null": ["null"],
    "timestamp": [
        *(
            'timestamp("2017-11-13T09:00:00Z")',
            'timestamp("1970-01-01T00:00:00Z")',
            "timestamp(0)",
            "timestamp(-1)",
        ),
        *('timestamp("0001-01-01T00:00:00Z")', 'timestamp("9999-12-31T23:59:59.999999999Z")'),
        *('timestamp("2024-02-29T23:59:59.123456789+05:30")', 'timestamp("1969-12-31T23:59:59.5Z")'),
        *('timestamp("2262-04-11T23:47:16.854775807Z")', 'timestamp("1883-11-18T17:00:00Z")'),
        *('timestamp("2017-11-05T06:30:00Z")', 'timestamp("2500-07-01T00:00:00Z")'),
    ],
    "duration": [
        *('duration("0s")', 'duration("1s")', 'duration("-1s")', 'duration("1h30m")', 'duration("72h")'),
        *('duration("1ns")', 'duration("-1.5s")', 'duration("315576000000s")', 'duration("9223372036s")'),
        *('duration("-9223372036.854775808s")', 'duration("1.001s")', 'duration("-90m")'),
    ],
}
SCALARS = tuple(LITERALS)
NUMBERS = ("int", "uint", "double")
ORDERED = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
PATTERNS = [
    '"a"',
    '"^a"',
    '"b$"',
    '"^.$"',
    '"[a-c]+"',
    '"(?i)A"',
    '"\\\\d+"',
    '""',
    '"^(a|b)*$"',
    '"\\\\pL"',
    '"\\n"',
]
ZONES = [
    '"UTC"',
    '"Asia/Ho_Chi_Minh"',
    '"America/New_York"',
    '"-05:30"',
    '"02:00"',
    '"+14:00"',
    '"Europe/Dublin"',
]
TIME_PARTS = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours"),
    *("getMinutes", "getSeconds", "getMilliseconds"),
)
CONVERSIONS = {
    "int": ("int", "uint", "double", "string", "timestamp"),
    "uint": ("int", "uint", "double", "string"),
    "double": ("int", "uint", "double", "string"),
    "string": ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"),
    "bytes": ("string", "bytes"),
    "bool": ("bool", "string"),
    "timestamp": ("int", "string", "timestamp"),
    "duration": ("string", "duration"),
}
KEYS = ("string", "int", "uint", "bool")
