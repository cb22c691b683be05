//! Every form of a value.

use pretty_assertions::assert_eq;

use super::super::Value;
use super::with;

/// The value that `json` is read as, or the error with the value's own path cut off.
fn read(json: &str) -> Result<Value, String> {
    match with(r#""name": "x""#, &format!(r#""probe": {json}"#)) {
        Ok(tree) => Ok(tree
            .root()
            .node("expr")
            .unwrap()
            .attr("probe")
            .unwrap()
            .clone()),
        Err(error) => {
            assert_eq!(error.code(), "CYL1601", "{error}");
            let path = error
                .path()
                .strip_prefix("nodes[1].a.probe")
                .expect("the path");
            let text = error.to_string();
            let (_, message) = text.split_once(&format!("{}: ", error.path())).unwrap();
            Err(format!(
                "{path}: {}",
                message.split(" at line").next().unwrap()
            ))
        }
    }
}

fn text(text: &str) -> Value {
    Value::Str(text.to_owned())
}

#[test]
fn scalars() {
    let good = [
        ("null", Value::None),
        ("true", Value::Bool(true)),
        ("0", Value::Int(0)),
        ("-9223372036854775808", Value::Int(i64::MIN)),
        (
            "9223372036854775808",
            Value::BigInt("9223372036854775808".to_owned()),
        ),
        ("0.1", Value::Float(0.1)),
        ("1.7976931348623157e308", Value::Float(f64::MAX)),
        ("5e-324", Value::Float(5e-324)),
        (
            "5708990770823839524233143877797980545530986496.0",
            Value::Float(5.708_990_770_823_84e45),
        ),
        (r#""a\u00e9\u0000\ud83d\ude00""#, text("aé\0😀")),
        (r#"{"i": "4611686018427387904"}"#, Value::Int(1 << 62)),
        (r#"{"i": "-9223372036854775808"}"#, Value::Int(i64::MIN)),
        (
            r#"{"i": "-9223372036854775809"}"#,
            Value::BigInt("-9223372036854775809".to_owned()),
        ),
        (r#"{"f": "inf"}"#, Value::Float(f64::INFINITY)),
        (r#"{"f": "-inf"}"#, Value::Float(f64::NEG_INFINITY)),
        (r#"{"c": ["-0.0", "1e+300"]}"#, Value::Complex(-0.0, 1e300)),
        (
            r#"{"c": ["nan", "inf"]}"#,
            Value::Complex(f64::NAN, f64::INFINITY),
        ),
        (
            r#"{"w": "61eda080c3a9"}"#,
            Value::WideStr(b"a\xED\xA0\x80\xC3\xA9".to_vec()),
        ),
        (
            r#"{"b": "a\u00ff\u0000"}"#,
            Value::Bytes {
                data: b"a\xFF\0".to_vec(),
                encoding: None,
            },
        ),
        (
            r#"{"b": "x", "enc": "utf8"}"#,
            Value::Bytes {
                data: b"x".to_vec(),
                encoding: Some("utf8".to_owned()),
            },
        ),
        (
            r#"{"u": "ObjectAsUCS4"}"#,
            Value::Utility("ObjectAsUCS4".to_owned()),
        ),
        (r#"{"o": "Context"}"#, Value::Opaque("Context".to_owned())),
    ];
    for (json, expected) in good {
        // By their text, so that NaN is NaN and zeros have signs.
        assert_eq!(
            format!("{:?}", read(json).unwrap()),
            format!("{expected:?}"),
            "{json}"
        );
    }
    assert!(matches!(read(r#"{"f": "nan"}"#), Ok(Value::Float(value)) if value.is_nan()));
}

#[test]
fn containers() {
    let read = |json| read(json).unwrap();
    assert_eq!(read("[]"), Value::List(vec![]));
    assert_eq!(
        read("[1, [null]]"),
        Value::List(vec![Value::Int(1), Value::List(vec![Value::None]),])
    );
    assert_eq!(read(r#"{"d": []}"#), Value::Map(vec![]));
    let pairs = vec![(text("b"), Value::Int(1)), (text("a"), Value::List(vec![]))];
    assert_eq!(read(r#"{"d": [["b", 1], ["a", []]]}"#), Value::Map(pairs));
    assert!(matches!(read(r#"{"n": 1}"#), Value::Node(id) if id.index() == 1));
    assert!(matches!(read(r#"{"t": 0}"#), Value::Type(_)));
    assert!(matches!(read(r#"{"e": 0}"#), Value::Entry(_)));
    assert!(matches!(read(r#"{"s": 0}"#), Value::Scope(_)));
    assert!(matches!(read(r#"{"x": 0}"#), Value::Helper(_)));
}

#[test]
fn truth_is_pythons() {
    let truth = |json: &str| read(json).unwrap().truth();
    for json in [
        "null",
        "false",
        "0",
        "0.0",
        "-0.0",
        r#""""#,
        "[]",
        r#"{"d": []}"#,
        r#"{"b": ""}"#,
        r#"{"w": ""}"#,
        r#"{"c": ["0.0", "-0.0"]}"#,
    ] {
        assert!(!truth(json), "{json}");
    }
    for json in [
        "true",
        "-1",
        "0.5",
        r#""0""#,
        "[null]",
        r#"{"d": [[1, 2]]}"#,
        r#"{"b": "\u0000"}"#,
        r#"{"w": "eda080"}"#,
        r#"{"c": ["0.0", "1.0"]}"#,
        r#"{"f": "nan"}"#,
        r#"{"i": "99999999999999999999"}"#,
        r#"{"n": 0}"#,
        r#"{"t": 0}"#,
        r#"{"e": 0}"#,
        r#"{"s": 0}"#,
        r#"{"x": 0}"#,
        r#"{"u": ""}"#,
        r#"{"o": ""}"#,
    ] {
        assert!(truth(json), "{json}");
    }
}

#[test]
fn wrong_forms() {
    for (json, expected) in [
        ("{}", ": an object without a tag"),
        (r#"{"q": 1}"#, ".q: unknown field `q`, expected one of"),
        (r#"{"n": 0, "t": 0}"#, ": more than one tag"),
        (r#"{"n": 0, "n": 0}"#, ": more than one tag"),
        (r#"{"n": 0, "enc": "x"}"#, ": `enc` goes with `b` alone"),
        (r#"{"enc": "x", "b": ""}"#, ": `enc` before `b`"),
        (
            r#"{"b": "", "enc": "x", "enc": "x"}"#,
            ": more than one tag",
        ),
        (
            r#"{"b": "", "enc": 1}"#,
            ".enc: invalid type: integer `1`, expected a string",
        ),
        (r#"{"b": "\u0100"}"#, ".b: not bytes as Latin-1 text"),
        (
            r#"{"w": "6"}"#,
            ".w: not UTF-8 with surrogates in hexadecimal",
        ),
        (
            r#"{"w": "+1"}"#,
            ".w: not UTF-8 with surrogates in hexadecimal",
        ),
        (
            r#"{"w": "eda0"}"#,
            ".w: not UTF-8 with surrogates in hexadecimal",
        ),
        (
            r#"{"w": "c080"}"#,
            ".w: not UTF-8 with surrogates in hexadecimal",
        ),
        (
            r#"{"w": "ff"}"#,
            ".w: not UTF-8 with surrogates in hexadecimal",
        ),
        (r#"{"i": ""}"#, ".i: not an integer in decimal"),
        (r#"{"i": "-"}"#, ".i: not an integer in decimal"),
        (r#"{"i": "-0"}"#, ".i: not an integer in decimal"),
        (r#"{"i": "+1"}"#, ".i: not an integer in decimal"),
        (r#"{"i": "0x1"}"#, ".i: not an integer in decimal"),
        (r#"{"i": "1_0"}"#, ".i: not an integer in decimal"),
        (
            r#"{"i": 1}"#,
            ".i: invalid type: integer `1`, expected an integer in decimal",
        ),
        (r#"{"f": "1.0"}"#, ".f: not `nan`, `inf` or `-inf`"),
        (r#"{"c": ["x", "0"]}"#, ".c[0]: not a float as text"),
        (
            r#"{"c": ["0"]}"#,
            ".c: invalid length 1, expected a tuple of size 2",
        ),
        (r#"{"c": ["0", "0", "0"]}"#, ".c"),
        (
            r#"{"d": {"a": 1}}"#,
            ".d: invalid type: map, expected a sequence",
        ),
        (
            r#"{"d": [[1]]}"#,
            ".d[0]: invalid length 1, expected a tuple of size 2",
        ),
        (r#"{"d": [[1, 2, 3]]}"#, ".d[0]"),
        (
            r#"{"d": [[1, {"n": []}]]}"#,
            ".d[0][1].n: invalid type: sequence, expected u32",
        ),
        (
            r#"{"n": -1}"#,
            ".n: invalid value: integer `-1`, expected u32",
        ),
        (
            r#"{"n": 4294967296}"#,
            ".n: invalid value: integer `4294967296`, expected u32",
        ),
        (
            r#"{"n": 1.0}"#,
            ".n: invalid type: floating point `1.0`, expected u32",
        ),
        (r#"{"n": null}"#, ".n: invalid type: null, expected u32"),
        (
            r#"{"u": null}"#,
            ".u: invalid type: null, expected a string",
        ),
        (
            r#"[{"o": 1}]"#,
            "[0].o: invalid type: integer `1`, expected a string",
        ),
        ("1e999", ": number out of range"),
        (r#""\ud800""#, ": unexpected end of hex escape"),
        ("\"\u{1}\"", ": control character"),
        ("NaN", ": expected value"),
    ] {
        let found = read(json).unwrap_err();
        assert!(found.starts_with(expected), "{json}: {found}");
    }
}
