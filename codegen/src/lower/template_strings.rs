//! t-strings.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use crate::mir::Value;

impl<'t> Body<'_, 't> {
    /// `TemplateStringNode`: a tuple of texts and one of interpolations.
    pub(super) fn lower_template_string(&mut self, node: Node<'t>) -> Result<Value> {
        let strings = self.expr(node.child("strings")?)?;
        let interpolations = self.expr(node.child("interpolations")?)?;
        self.at(node);
        let args = [strings, interpolations];
        let made = self.rt_object("__Pyx_MakeTemplateLibTemplate", "oo:O", &args)?;
        self.release_under(made, &args);
        Ok(made)
    }

    /// `TStringInterpolationNode`: a value, its source text, `!r` and the like, and a format.
    pub(super) fn lower_interpolation(&mut self, node: Node<'t>) -> Result<Value> {
        let value = self.expr(node.child("value")?)?;
        let spec = match node.node("format_spec") {
            Some(spec) => self.expr(spec)?,
            None => self.name(""),
        };
        let expression = self.expr(node.child("expression_str")?)?;
        self.at(node);
        let conversion = match node.text("conversion_char").filter(|text| !text.is_empty()) {
            Some(conversion) => self.name(conversion),
            None => self.none(),
        };
        let args = [value, expression, conversion, spec];
        let made = self.rt_object("__Pyx_MakeTemplateLibInterpolation", "oooo:O", &args)?;
        self.release_under(made, &[value, spec, expression]);
        Ok(made)
    }
}
