//! One named value of a path or a form, as serde sees it.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{CowStrDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};

use crate::request::percent_decode;

/// A value with its name, for the error.
#[derive(Clone, Debug)]
pub(super) struct Field<'de> {
    pub(super) name: Cow<'de, str>,
    pub(super) values: Values<'de>,
}

#[derive(Clone, Debug)]
pub(super) enum Values<'de> {
    /// A part of a path, percent-encoded. As a sequence, its segments.
    Path(&'de str),
    /// What a form has under one name. As a sequence, each of them.
    Form(Vec<Cow<'de, str>>),
}

/// What does not fit.
#[derive(Debug)]
pub(super) struct FieldError {
    /// The field's; none if the fault is that of the whole.
    name: Option<String>,
    message: String,
    /// Whether this is about the number or the names of fields, not their values.
    pub(super) shape: bool,
}

impl FieldError {
    fn new(message: impl fmt::Display, shape: bool) -> FieldError {
        FieldError { name: None, message: message.to_string(), shape }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{name}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for FieldError {}

impl de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> FieldError {
        FieldError::new(message, false)
    }

    fn invalid_length(len: usize, expected: &dyn de::Expected) -> FieldError {
        FieldError::new(format_args!("{len} given, expected {expected}"), true)
    }

    fn missing_field(field: &'static str) -> FieldError {
        FieldError::new(format_args!("`{field}` is missing"), true)
    }
}

impl<'de> Values<'de> {
    fn one(self) -> Result<Cow<'de, str>, FieldError> {
        match self {
            Values::Path(raw) => percent_decode(raw).map_err(de::Error::custom),
            Values::Form(mut values) => match (values.pop(), values.is_empty()) {
                (Some(value), true) => Ok(value),
                _ => Err(de::Error::custom("given more than once")),
            },
        }
    }

    fn each(self) -> Vec<Values<'de>> {
        match self {
            Values::Path(raw) => raw.split('/').map(Values::Path).collect(),
            Values::Form(values) => {
                values.into_iter().map(|value| Values::Form(vec![value])).collect()
            }
        }
    }
}

impl<'de> Field<'de> {
    fn named<T>(
        self,
        f: impl FnOnce(Values<'de>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let Field { name, values } = self;
        f(values).map_err(|error| FieldError {
            name: Some(error.name.unwrap_or_else(|| name.into_owned())),
            shape: false,
            ..error
        })
    }

    fn number<T: std::str::FromStr>(text: &str) -> Result<T, FieldError> {
        // `parse` takes a plus sign, so that one number would have many spellings.
        let plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'.' | b'e' | b'E'));
        let number = if plain { text.parse().ok() } else { None };
        number.ok_or_else(|| {
            let name = std::any::type_name::<T>();
            de::Error::custom(format_args!("expected a number of type {name}"))
        })
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            self.named(|values| visitor.$visit(Field::number(&values.one()?)?))
        }
    )*};
}

impl<'de> Deserializer<'de> for Field<'de> {
    type Error = FieldError;

    numbers!(
        deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32,
        deserialize_i64 visit_i64, deserialize_i128 visit_i128,
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32,
        deserialize_u64 visit_u64, deserialize_u128 visit_u128,
        deserialize_f32 visit_f32, deserialize_f64 visit_f64
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.named(|values| match values.one()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        })
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.named(|values| match &*values.one()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(de::Error::custom("expected true or false")),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let name = self.name.clone();
        self.named(|values| {
            let fields =
                values.each().into_iter().map(|values| Field { name: name.clone(), values });
            let mut sequence = SeqDeserializer::new(fields);
            let value = visitor.visit_seq(&mut sequence)?;
            sequence.end()?;
            Ok(value)
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_seq(visitor)
    }

    /// Variants without content, by their names.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.named(|values| visitor.visit_enum(CowStrDeserializer::new(values.one()?)))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, FieldError> for Field<'de> {
    type Deserializer = Field<'de>;

    fn into_deserializer(self) -> Field<'de> {
        self
    }
}
