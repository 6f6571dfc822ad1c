"""Who earns much? A wide-and-deep classifier on CSV files, with TensorFlow 1's feature columns.

The model is the canned estimator's own. Parameters of ours, all with defaults: batch_size,
hidden_units, dropout, embedding_size.
"""

import multiprocessing

import tensorflow as tf

COLUMNS = [
    "age",
    "education",
    "occupation",
    "sector",
    "hours_per_week",
    "years_in_job",
    "household",
    "town",
    "income",
]
# The type of each column, and what an empty field stands for.
DEFAULTS = [[0.0], [""], [""], [""], [0.0], [-1.0], [""], [""], [""]]
LABEL = "income"
LABELS = ["low", "high"]

EDUCATION = ["primary", "lower_secondary", "upper_secondary", "vocational", "bachelor", "master"]
HOUSEHOLDS = ["single", "couple", "couple_with_children", "single_parent"]
OCCUPATIONS = [
    "accountant",
    "cleaner",
    "clerk",
    "cook",
    "driver",
    "engineer",
    "manager",
    "nurse",
    "sales",
    "technician",
]


def build_columns(params):
    """Return the columns of the linear half and those of the neural half."""
    age = tf.feature_column.numeric_column("age")
    hours = tf.feature_column.numeric_column(
        "hours_per_week", normalizer_fn=lambda hours: (hours - 38.0) / 10.0
    )
    years = tf.feature_column.numeric_column(
        "years_in_job", normalizer_fn=lambda years: years / 10.0
    )
    education = tf.feature_column.categorical_column_with_vocabulary_list("education", EDUCATION)
    household = tf.feature_column.categorical_column_with_vocabulary_list("household", HOUSEHOLDS)
    occupation = tf.feature_column.categorical_column_with_vocabulary_list(
        "occupation", OCCUPATIONS, num_oov_buckets=1
    )
    sector = tf.feature_column.categorical_column_with_hash_bucket("sector", hash_bucket_size=50)
    town = tf.feature_column.categorical_column_with_hash_bucket("town", hash_bucket_size=200)
    age_group = tf.feature_column.bucketized_column(
        age, boundaries=[22, 26, 30, 35, 40, 45, 50, 55, 60, 65]
    )
    job = tf.feature_column.crossed_column(["occupation", "sector"], hash_bucket_size=1000)
    career = tf.feature_column.crossed_column([age_group, "education"], hash_bucket_size=500)

    size = params.get("embedding_size", 8)
    wide = [age_group, education, occupation, sector, household, town, job, career]
    deep = [
        hours,
        years,
        age_group,
        tf.feature_column.indicator_column(education),
        tf.feature_column.indicator_column(household),
        tf.feature_column.indicator_column(occupation),
        tf.feature_column.embedding_column(sector, dimension=size),
        tf.feature_column.embedding_column(town, dimension=size),
    ]
    return wide, deep


def model_fn(features, labels, mode, params, config):
    """Let the canned classifier do it; labels are int64 [batch], 1 for a high income."""
    wide, deep = build_columns(params)
    classifier = tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=wide,
        linear_optimizer=tf.train.FtrlOptimizer(0.1, l2_regularization_strength=0.1),
        dnn_feature_columns=deep,
        dnn_optimizer=tf.train.AdagradOptimizer(0.05),
        dnn_hidden_units=params.get("hidden_units", [64, 32]),
        dnn_dropout=params.get("dropout", 0.1),
        config=config,
    )
    return classifier.model_fn(features, labels, mode, config)


def read_csv(file, params, training):
    labels = tf.contrib.lookup.index_table_from_tensor(tf.constant(LABELS))

    def parse(line):
        fields = tf.decode_csv(line, record_defaults=DEFAULTS)
        features = dict(zip(COLUMNS, fields))
        label = features.pop(LABEL)
        return features, labels.lookup(label)

    dataset = tf.data.TextLineDataset(file).skip(1)
    if training:
        dataset = dataset.shuffle(10000).repeat()
    dataset = dataset.map(parse, num_parallel_calls=multiprocessing.cpu_count())
    return dataset.batch(params.get("batch_size", 128)).prefetch(1)


def train_input_fn(path, params):
    return read_csv(path + "/train.csv", params, training=True)


def eval_input_fn(path, params):
    return read_csv(path + "/eval.csv", params, training=False)


def serving_input_receiver_fn():
    """Take tf.train.Example protocol buffers."""
    spec = {
        name: tf.FixedLenFeature([1], tf.float32 if default == [0.0] else tf.string)
        for name, default in zip(COLUMNS, DEFAULTS)
        if name not in (LABEL, "years_in_job")
    }
    spec["years_in_job"] = tf.FixedLenFeature([1], tf.float32, default_value=[-1.0])
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)()
