//! What the network sees, as pictures: the drawings of `cnn show`.

use std::path::Path;

use burn::module::Module as _;
use burn::tensor;

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::look::{self, Method, Picture, Subject};
use crate::model::Device;
use crate::model_file::{self, Trained};
use crate::predict;
use crate::report::look as shown;

/// A network on the processor, with gradients.
#[derive(Debug)]
pub(super) struct Inside {
    trained: Trained,
    device: tensor::Device,
}

impl Inside {
    pub(super) fn load(path: &Path) -> Result<Self> {
        let device = Device::Cpu.open()?.autodiff();
        let mut trained = model_file::load(path, &device)?;
        // Nothing is learnt: what Burn noted down of the weights would stay in its graph, explanation after explanation.
        trained.model = trained.model.no_grad();
        Ok(Self { trained, device })
    }

    /// Draws feature maps, of all layers or of one.
    pub(super) fn features(
        &self,
        posted: predict::Picture,
        layer: Option<&str>,
    ) -> Result<Vec<u8>> {
        let picture = self.picture(posted)?;
        let subject = Subject::new(&self.trained, &self.device, &picture)?;
        shown::draw_features(&look::features(
            &subject,
            layer.filter(|layer| *layer != "all"),
        )?)
    }

    /// Draws which parts of a picture speak for a class.
    pub(super) fn explain(
        &self,
        posted: predict::Picture,
        method: &str,
        class: Option<&str>,
        layer: Option<&str>,
    ) -> Result<Vec<u8>> {
        let picture = self.picture(posted)?;
        let seed = self.trained.config.train.seed;
        let found = Method::named(method, picture.size(), seed).ok_or_else(|| {
            let known = crate::diagnostic::in_backticks(Method::NAMES);
            let diagnostic = Diagnostic::error(format!("there is no method `{method}`"));
            Error::config(diagnostic.note(format!("methods are {known}")))
        })?;
        if layer.is_some() && !method.starts_with("grad-cam") {
            let message = format!("`layer` says nothing to method `{method}`");
            return Err(Error::config(Diagnostic::error(message)));
        }
        let header = &self.trained.header;
        let class = class.map(|word| header.class(word)).transpose()?;
        let subject = Subject::new(&self.trained, &self.device, &picture)?;
        let explanation = subject.explain(found, class, layer)?;
        let name = header
            .classes
            .get(explanation.class)
            .map_or("", String::as_str);
        let title = format!("{name} {:.4} {method}", explanation.answer);
        shown::draw_explanation(&picture, &explanation, &title)
    }

    fn picture(&self, posted: predict::Picture) -> Result<Picture> {
        Picture::of_file(posted, &self.trained.header.preprocessing)
    }
}
