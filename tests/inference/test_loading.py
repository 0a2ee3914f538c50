"""How a model is loaded and named, and in which precision."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference import hardware
from inference.config import POCKET, InferenceConfig
from inference.errors import ModelError
from inference.folder import folder_name
from inference.lean.linear import int8_runs_here
from inference.loading import check_folder, load
from inference.sampling import Sampling
from tests.inference import tiny
from tests.inference.inbox import classified, classify, finished, reply_to
from tests.inference.tiny import configured, edit


def test_a_folder_becomes_a_model_with_a_name_that_follows_its_weights(folder, config):
    first = load(configured(folder))
    assert first.model_id == f"model@{first.model_id[6:14]}/float32"
    tiny.build(folder, seed=1)
    assert load(configured(folder)).model_id != first.model_id


def test_the_models_own_settings_are_used(folder):
    edit(folder, "generation_config.json", do_sample=True, top_k=20, temperature=0.7)
    model = load(configured(folder))
    assert model.sampling == Sampling(do_sample=True, top_k=20, temperature=0.7)
    assert model.stop_ids == {
        model.tokenizer.convert_tokens_to_ids(each) for each in ("<|im_end|>", "<|endoftext|>")
    }


def test_without_a_generation_config_a_model_is_greedy(folder):
    (folder / "generation_config.json").unlink()
    model = load(configured(folder))
    assert not model.sampling.do_sample
    assert model.stop_ids == {model.tokenizer.eos_token_id}


def test_the_context_is_at_most_the_models(folder):
    assert load(configured(folder, context=4096)).context == 512
    assert load(configured(folder, context=128, max_new_tokens=100)).context == 128


def test_answers_leave_half_of_a_small_context_to_the_prompt(folder):
    assert load(configured(folder, context=100, max_new_tokens=90)).max_new_tokens == 50


def test_tied_embeddings_lack_no_weights(tmp_path):
    model = load(configured(tiny.build(tmp_path / "tied", tie_word_embeddings=True)))
    assert model.model.config.tie_word_embeddings


def test_loading_reports_how_far_it_is(folder):
    reports = []
    load(configured(folder), lambda share, doing: reports.append((share, doing)))
    assert [share for share, _ in reports] == sorted(share for share, _ in reports)
    assert all(doing for _, doing in reports)


def test_bfloat16_can_be_asked_for(folder, make_engine):
    model = load(configured(folder, dtype="bfloat16"))
    assert model.model.dtype == torch.bfloat16
    assert model.model_id.endswith("/bfloat16")
    engine = make_engine(model)
    assert finished(engine, reply_to("Hello"))
    assert classified(engine, classify("Hello"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dtype": "int8", "device": "cuda"}, "INFERENCE_DTYPE=int8 runs on the CPU only"),
        ({"device": "tpu9"}, "INFERENCE_DEVICE must be auto, cpu, cuda"),
    ],
)
def test_settings_that_cannot_be_met_are_named_before_serving(folder, settings, words):
    with pytest.raises(ModelError, match=words):
        check_folder(configured(folder, **settings))


@pytest.mark.skipif(not int8_runs_here(), reason="no int8 kernels here")
def test_int8_answers_nearly_like_float32(folder, make_engine):
    exact, coarse = (
        make_engine(load(configured(folder, dtype=dtype))) for dtype in ("float32", "int8")
    )
    assert coarse.model_id.endswith("/int8")
    assert finished(coarse, reply_to("Hello"))
    expected = classified(exact, classify("Hello")).logprobs
    assert classified(coarse, classify("Hello")).logprobs == pytest.approx(expected, abs=1)


def test_int8_is_refused_for_models_outside_the_family(tmp_path):
    folder = tiny.build(tmp_path / "mistral", "mistral", sliding_window=16)
    with pytest.raises(ModelError, match="INFERENCE_DTYPE=int8 is not supported for mistral"):
        load(configured(folder, dtype="int8"))


def test_a_scaling_of_positions_that_is_not_known_is_named(tmp_path):
    moving = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    folder = tiny.build(tmp_path / "moving", "llama", rope_parameters=moving)
    with pytest.raises(ModelError, match="scales its positions by 'dynamic'"):
        load(configured(folder))


@pytest.mark.parametrize(
    ("has", "parameters", "architecture", "dtype"),
    [
        ({"avx512_vnni": True, "avx512_bf16": True}, hardware.SMALL + 1, "qwen2", "int8"),
        ({"avx512_vnni": True, "avx512_bf16": True}, hardware.SMALL, "qwen2", "float32"),
        ({"avx512_vnni": True, "avx512_bf16": True}, hardware.SMALL + 1, "mistral", "bfloat16"),
        ({"avx512_bf16": True}, hardware.SMALL + 1, "qwen2", "bfloat16"),
        ({"avx2": True}, hardware.SMALL + 1, "qwen2", "float32"),
    ],
)
def test_the_processor_and_the_size_decide_the_automatic_precision(
    monkeypatch, has, parameters, architecture, dtype
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    monkeypatch.setattr(hardware, "_parameters", lambda described: parameters)
    described = tiny.description(architecture, 400)
    assert hardware.pick_dtype(InferenceConfig(), "cpu", described) == dtype


@pytest.mark.parametrize(
    ("setting", "parameters", "threads"),
    [(0, hardware.TINY - 1, 1), (0, hardware.TINY, 7), (3, hardware.TINY - 1, 3)],
)
def test_a_tiny_model_gets_one_thread_unless_the_setting_says_otherwise(
    monkeypatch, setting, parameters, threads
):
    monkeypatch.setattr(hardware, "physical_cores", lambda: 7)
    monkeypatch.setattr(hardware, "_parameters", lambda described: parameters)
    described = tiny.description("qwen2", 400)
    assert hardware.pick_threads(InferenceConfig(threads=setting), described) == threads


def test_a_gpu_that_is_not_there_is_named(folder):
    with pytest.raises(ModelError, match="no such GPU"):
        load(configured(folder, device="cuda:99"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_answers(folder, make_engine):
    there, here = (
        make_engine(load(configured(folder, device=device, dtype="float32")))
        for device in ("cuda", "cpu")
    )
    assert finished(there, reply_to("Hello")).text == finished(here, reply_to("Hello")).text
    expected = classified(here, classify("Hello")).logprobs
    assert classified(there, classify("Hello")).logprobs == pytest.approx(expected, abs=1e-3)


def test_missing_weights_are_not_made_up(folder):
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        load(configured(folder))


def test_a_tokenizer_of_another_model_is_refused(folder):
    fast = tiny.tokenizer()
    fast.add_tokens([f"extra{n}" for n in range(9)])
    fast.save_pretrained(folder)
    with pytest.raises(ModelError, match="tokenizer of another model"):
        load(configured(folder))


def test_code_in_a_folder_is_never_run(folder):
    (folder / "evil.py").write_text("raise SystemExit('ran')\n")
    edit(folder, model_type="evil", auto_map={"AutoConfig": "evil.Config"})
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(configured(folder))


def test_a_shipped_calibration_is_read(folder):
    tiny.calibrate(folder, {"abc": {"scale": 0.5, "bias": {"Positive": 1}}})
    assert load(configured(folder)).calibrations["abc"].bias == {"Positive": 1.0}


def test_a_calibration_of_another_form_is_refused(folder):
    tiny.calibrate(folder, {"abc": {"scale": "much"}})
    with pytest.raises(ModelError, match=r"calibration\.json"):
        load(configured(folder))


def test_the_pocket_model_is_called_pocket():
    assert folder_name(POCKET) == "pocket"


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), (None, 8)],
)
def test_a_containers_share_of_the_processor_counts(limit, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CPU_MAX", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 8)
    if limit:
        hardware.CPU_MAX.write_text(limit + "\n")
    assert hardware.physical_cores() == cores
