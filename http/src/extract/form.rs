//! Forms: names and values in `application/x-www-form-urlencoded`.

use std::borrow::Cow;
use std::collections::HashMap;

use http::StatusCode;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Visitor};

use super::field::{Field, FieldError, Values};
use super::{FromRequest, Rejection, media_type};
use crate::request::{Request, percent_decode};

/// The body of a request that sends an HTML form (`application/x-www-form-urlencoded`), as a struct or map.
///
/// A field of a sequence type takes all that is given under its name; every other must be given once. A sequence of
/// pairs takes everything in its order. Numbers are taken without a plus sign, flags as `true` and `false`.
///
/// Another content type is answered 415, a value that does not fit 422, and invalid encoding 400, also where the
/// [URL standard] would guess what was meant.
///
/// [URL standard]: https://url.spec.whatwg.org/#application/x-www-form-urlencoded
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::extract::Form;
///
/// #[derive(serde::Deserialize)]
/// struct Login {
///     name: String,
/// }
///
/// let routes = Router::new()
///     .post("/login", |Form(login): Form<Login>| format!("Welcome, {}!", login.name))
///     .build();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Form<T> {
    fn from_request(request: &mut Request<'_>) -> Result<Form<T>, Rejection> {
        let form = "application/x-www-form-urlencoded";
        if !media_type(request).is_some_and(|media| media.eq_ignore_ascii_case(form)) {
            let message = "expected the content type application/x-www-form-urlencoded";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let body = String::from_request(request)?;
        T::deserialize(Pairs::parse(&body)?)
            .map(Form)
            .map_err(|error| Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
    }
}

/// The names and values of a form, decoded.
#[derive(Debug)]
pub(super) struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    pub(super) fn parse(form: &'a str) -> Result<Pairs<'a>, Rejection> {
        let pairs = form.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name).ok_or("invalid percent-encoding in a field's name")?;
            match decoded(value) {
                Some(value) => Ok((name, value)),
                None => Err(Cow::Owned(format!("`{name}`: invalid percent-encoding"))),
            }
        });
        pairs
            .collect::<Result<_, Cow<'static, str>>>()
            .map(Pairs)
            .map_err(|problem| Rejection::new(StatusCode::BAD_REQUEST, problem))
    }

    /// By name, in the order in which names come first.
    fn fields(self) -> Vec<Field<'a>> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut index: HashMap<Cow<'a, str>, usize> = HashMap::new();
        for (name, value) in self.0 {
            match index.get(&name) {
                Some(&at) => match &mut fields[at].values {
                    Values::Form(values) => values.push(value),
                    Values::Path(_) => {}
                },
                None => {
                    index.insert(name.clone(), fields.len());
                    fields.push(Field { name, values: Values::Form(vec![value]) });
                }
            }
        }
        fields
    }
}

/// A plus sign is a space here, and only here.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('+') {
        return percent_decode(text).ok();
    }
    percent_decode(&text.replace('+', " ")).ok().map(|text| Cow::Owned(text.into_owned()))
}

impl<'de> Deserializer<'de> for Pairs<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let fields = self.fields().into_iter().map(|field| (field.name.clone(), field));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let pairs = self
            .0
            .into_iter()
            .map(|(name, value)| (name.clone(), Field { name, values: Values::Form(vec![value]) }));
        visitor.visit_seq(MapDeserializer::new(pairs))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    fn parsed<T: DeserializeOwned>(form: &str) -> Result<T, String> {
        let pairs = Pairs::parse(form).map_err(|rejection| rejection.to_string())?;
        T::deserialize(pairs).map_err(|error| error.to_string())
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        Up,
        Down,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Search {
        q: String,
        page: Option<u32>,
        #[serde(default)]
        tag: Vec<String>,
        order: Option<Order>,
        #[serde(default)]
        exact: bool,
    }

    fn search(q: &str) -> Search {
        Search { q: q.to_owned(), page: None, tag: Vec::new(), order: None, exact: false }
    }

    #[test]
    fn structs() {
        assert_eq!(parsed("q=a+b%2Bc%26&&x=y"), Ok(search("a b+c&")));
        assert_eq!(parsed("q"), Ok(search("")));
        let all = "page=2&tag=a&q=%C3%A9&order=down&tag=b&exact=true";
        let expected = Search {
            page: Some(2),
            tag: vec!["a".to_owned(), "b".to_owned()],
            order: Some(Order::Down),
            exact: true,
            ..search("é")
        };
        assert_eq!(parsed(all), Ok(expected));
    }

    #[test]
    fn errors_name_the_field() {
        for (form, error) in [
            ("", "`q` is missing"),
            ("q=a&q=b", "`q`: given more than once"),
            ("q=&page=x", "`page`: expected a number of type u32"),
            ("q=&page=%2B3", "`page`: expected a number of type u32"),
            ("q=&page=-1", "`page`: expected a number of type u32"),
            ("q=&page=4294967296", "`page`: expected a number of type u32"),
            ("q=&page=", "`page`: expected a number of type u32"),
            ("q=&exact=1", "`exact`: expected true or false"),
            ("q=&order=left", "`order`: unknown variant `left`, expected `up` or `down`"),
            ("q=%zz", "`q`: invalid percent-encoding"),
            ("q=%ff", "`q`: invalid percent-encoding"),
            ("%=q", "invalid percent-encoding in a field's name"),
        ] {
            assert_eq!(parsed::<Search>(form), Err(error.to_owned()), "{form}");
        }
    }

    #[test]
    fn maps_and_pairs() {
        let map: HashMap<String, f64> = parsed("a=1.5e3&b=-2").unwrap();
        assert_eq!(map, HashMap::from([("a".to_owned(), 1500.0), ("b".to_owned(), -2.0)]));
        for bad in ["inf", "NaN", "%2B1"] {
            assert!(parsed::<HashMap<String, f64>>(&format!("a={bad}")).is_err(), "{bad}");
        }
        let pairs: Vec<(String, String)> = parsed("b=1&a=2&b=3").unwrap();
        let expected = [("b", "1"), ("a", "2"), ("b", "3")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(parsed::<()>("a=b"), Ok(()));
    }

    #[test]
    fn nested_types() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Id(u8);
        #[derive(Debug, Deserialize, PartialEq)]
        struct Holder {
            id: Id,
            pair: (Id, char),
        }
        #[derive(Debug, Deserialize, PartialEq)]
        struct Outer(Holder);
        let expected = Outer(Holder { id: Id(1), pair: (Id(2), 'x') });
        assert_eq!(parsed("id=1&pair=2&pair=x"), Ok(expected));
        let error = parsed::<Outer>("id=1&pair=2").unwrap_err();
        assert_eq!(error, "`pair`: 1 given, expected a tuple of size 2");
        assert!(parsed::<Outer>("id=1&pair=2&pair=x&pair=y").unwrap_err().starts_with("`pair`: "));
    }
}
