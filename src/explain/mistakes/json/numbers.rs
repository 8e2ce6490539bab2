//! How languages write the numbers of JSON after they read them.

/// How a serializer writes numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// As they were received.
    Kept,
    /// As JavaScript does, all of them in floating point (ECMA-262, `Number::toString`).
    JavaScript,
    /// As Python does what has a point or an exponent (`repr`).
    Python,
    /// As Java does what has a point or an exponent (`Double.toString`).
    Java,
}

impl Numbers {
    /// Writes a number, given its literal.
    pub(super) fn write(self, literal: &str, out: &mut Vec<u8>) {
        match self.written(literal) {
            Some(written) => out.extend_from_slice(written.as_bytes()),
            None => out.extend_from_slice(literal.as_bytes()),
        }
    }

    /// Whether it writes a number in another way than this.
    pub(super) fn changes(self, literal: &str) -> bool {
        self.written(literal)
            .is_some_and(|written| written != literal)
    }

    /// How it writes a number; `None`: as it is.
    fn written(self, literal: &str) -> Option<String> {
        let is_integer = is_integer(literal);
        match self {
            Self::Kept => None,
            Self::JavaScript if is_simple(literal) => None,
            Self::Python | Self::Java if is_integer => None,
            Self::JavaScript => Some(javascript(&Decimal::read(literal)?)),
            Self::Python => Some(python(&Decimal::read(literal)?)),
            Self::Java => Some(java(&Decimal::read(literal)?)),
        }
    }
}

/// Whether every language writes a number as this.
pub(super) fn is_simple(literal: &str) -> bool {
    literal.len() <= 15 && is_integer(literal) && literal != "-0"
}

/// Whether a number has neither point nor exponent.
pub(super) fn is_integer(literal: &str) -> bool {
    !literal
        .bytes()
        .any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

/// A number in floating point: the fewest digits that tell it from its neighbours, and their exponent.
struct Decimal {
    sign: &'static str,
    /// Without zeros at its end; `0` alone for zero.
    digits: String,
    /// Of the first digit.
    exponent: i32,
    is_zero: bool,
}

impl Decimal {
    fn read(literal: &str) -> Option<Self> {
        let value: f64 = literal.parse().ok()?;
        if !value.is_finite() {
            return None;
        }
        let text = format!("{:e}", value.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        Some(Self {
            sign: if value.is_sign_negative() { "-" } else { "" },
            digits: mantissa.chars().filter(char::is_ascii_digit).collect(),
            exponent: exponent.parse().ok()?,
            is_zero: value == 0.0,
        })
    }

    /// Without an exponent, and without a point where it is whole.
    fn plain(&self) -> String {
        let digits = &self.digits;
        let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
        if self.exponent < 0 {
            let between = zeros(self.exponent.saturating_neg().saturating_sub(1));
            return format!("0.{between}{digits}");
        }
        let whole = usize::try_from(self.exponent)
            .unwrap_or_default()
            .saturating_add(1);
        match digits.split_at_checked(whole) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => {
                let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
                let missing = self.exponent.saturating_add(1).saturating_sub(count);
                format!("{digits}{}", zeros(missing))
            }
        }
    }

    /// One digit, and what follows it.
    fn mantissa(&self) -> (&str, &str) {
        self.digits.split_at_checked(1).unwrap_or(("0", ""))
    }
}

fn javascript(number: &Decimal) -> String {
    if number.is_zero {
        return "0".to_owned();
    }
    let sign = number.sign;
    if (-6..21).contains(&number.exponent) {
        return format!("{sign}{}", number.plain());
    }
    let (first, rest) = number.mantissa();
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{:+}", number.exponent)
}

fn python(number: &Decimal) -> String {
    let sign = number.sign;
    if (-4..16).contains(&number.exponent) {
        return format!("{sign}{}", with_point(number.plain()));
    }
    let (first, rest) = number.mantissa();
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{:+03}", number.exponent)
}

fn java(number: &Decimal) -> String {
    let sign = number.sign;
    if (-3..7).contains(&number.exponent) {
        return format!("{sign}{}", with_point(number.plain()));
    }
    let (first, rest) = number.mantissa();
    let rest = if rest.is_empty() { "0" } else { rest };
    format!("{sign}{first}.{rest}E{}", number.exponent)
}

fn with_point(mut plain: String) -> String {
    if !plain.contains('.') {
        plain.push_str(".0");
    }
    plain
}
