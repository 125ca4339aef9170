//! The parameters of a route.

use http::StatusCode;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

use super::field::{Field, FieldError, Values};
use super::{FromRequest, Rejection};
use crate::log;
use crate::request::Request;

/// The parameters of the route: one value, a tuple of all from left to right, or a struct or map by their names.
///
/// Values are decoded. Numbers are taken without a plus sign, so that `/users/+3` is no other name of `/users/3`. Where
/// the type has a sequence for a parameter, it gets the segments that `{*rest}` took, split before they are
/// decoded.
///
/// A value that does not fit is answered 400. When the route has other parameters than the type wants, that
/// is the server's own mistake: the answer is 500, and the reason is written to standard error.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::extract::Path;
///
/// let routes = Router::new()
///     .get("/users/{id}", |Path(id): Path<u64>| format!("user {id}"))
///     .get("/{year}/{month}", |Path((year, month)): Path<(u16, u8)>| format!("{month}/{year}"))
///     .get("/files/{*path}", |Path((segments,)): Path<(Vec<String>,)>| segments.join(" > "))
///     .build();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    fn from_request(request: &mut Request<'_>) -> Result<Path<T>, Rejection> {
        let params: Vec<_> = request
            .params_raw()
            .map(|(name, raw)| Field { name: name.into(), values: Values::Path(raw) })
            .collect();
        T::deserialize(Params(params)).map(Path).map_err(|error| {
            if !error.shape {
                return Rejection::new(StatusCode::BAD_REQUEST, error.to_string());
            }
            let route = request.route().unwrap_or("none");
            let wanted = std::any::type_name::<T>();
            log::error(
                "a handler wants other parameters",
                format_args!("{wanted} of {route}: {error}"),
            );
            Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        })
    }
}

/// All parameters of a route.
struct Params<'de>(Vec<Field<'de>>);

impl<'de> Params<'de> {
    fn only(mut self) -> Result<Field<'de>, FieldError> {
        match (self.0.pop(), self.0.len()) {
            (Some(field), 0) => Ok(field),
            (Some(_), more) => Err(de::Error::invalid_length(more + 1, &"one parameter")),
            (None, _) => Err(de::Error::invalid_length(0, &"one parameter")),
        }
    }
}

macro_rules! of_one {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Params<'de> {
    type Error = FieldError;

    of_one!(
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_identifier
    );

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let fields = self.0.into_iter().map(|field| (field.name.clone(), field));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let mut sequence = SeqDeserializer::new(self.0.into_iter());
        let value = visitor.visit_seq(&mut sequence)?;
        sequence.end()?;
        Ok(value)
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

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }
}
