"""The static tables of names: what `agir tasks`, `agir methods` and `agir claims` list, without importing JAX.

Each row: name -> ("module:attribute", "one line"). A test holds them against the code. A task's name is the part before
the first slash (`lasa/Sine` asks the family `lasa` for `Sine`); a family is called with the rest of the name.
"""

TASKS: dict[str, tuple[str, str]] = {
    "adroit": ("agir.tasks.adroit:Adroit", "adroit/door: a 24-joint hand opens a door (human demonstrations with --data)"),
    "pusht": ("agir.tasks.pusht:PushT", "a disc pushes a T onto its outline; pusht/image (human demonstrations with --data)"),
    "acrobot": ("agir.tasks.acrobot:Acrobot", "swing a two-link arm's tip above the bar by the elbow's motor; three actions"),
    "bandit": (
        "agir.tasks.probes:Bandit",
        "one step in a context: arms with known chances, or bandit/continuous with a known best number",
    ),
    "cartpole": ("agir.tasks.cartpole:CartPole", "keep a pole on a cart upright for 500 steps; two actions"),
    "gym": ("agir.tasks.gym:GymnasiumTask", "gym/ID: any Gymnasium environment; its return, and success where it says one"),
    "metaworld": ("agir.tasks.metaworld:MetaWorld", "fifty tasks of a robot arm over a table, with scripted experts: metaworld/door-open"),
    "gridworld": (
        "agir.tasks.probes:GridWorld",
        "walk a grid to its goal: gridworld/corridor, open, cliff, four-rooms; slip=; optimal values are known",
    ),
    "mountain-car": (
        "agir.tasks.mountain_car:MountainCar",
        "swing a weak car up a hill within 200 steps; three actions, no reward before the top",
    ),
    "multipath": (
        "agir.tasks.multipath:Multipath",
        "cross a field of walls by any of several routes: modes=, rows=, pauses=, noise=, distractors=, control=",
    ),
    "planar": (
        "agir.tasks.planar.task:Planar",
        "push, reach, insert, wipe, draw on a small table: planar/PRESET; seen as a state, tokens, keypoints or images",
    ),
    "point-maze": (
        "agir.tasks.maze:PointMaze",
        "push a point through a maze to a goal: point-maze/LAYOUT or LAYOUT-dense; open, umaze, medium, large",
    ),
    "pendulum": ("agir.tasks.pendulum:Pendulum", "swing a pendulum up and hold it; pendulum/hidden does not show the speed"),
    "lasa": ("agir.tasks.lasa:Lasa", "a pen draws one of 30 shapes as people do (human demonstrations)"),
}

METHODS: dict[str, tuple[str, str]] = {
    "act-jepa": (
        "agir.methods.imitation.act_jepa:ACTJEPA",
        "chunks of actions, and what will be seen foretold in the abstract, from one encoder (ACT-JEPA)",
    ),
    "act": ("agir.methods.imitation.act:ACT", "chunks by a variational autoencoder, and the mean of all that were planned for now (ACT)"),
    "bc-rnn": ("agir.methods.imitation.bc_rnn:RecurrentCloning", "clones with a recurrent memory and a mixture of Gaussians (robomimic)"),
    "behavior-cloning": ("agir.methods.imitation.behavior_cloning:BehaviorCloning", "supervised learning of the demonstrated actions"),
    "behavior-retrieval": (
        "agir.methods.imitation.behavior_retrieval:BehaviorRetrieval",
        "clones demonstrations and those of a second dataset's rows that are like them",
    ),
    "crossway-diffusion": (
        "agir.methods.imitation.crossway_diffusion:CrosswayDiffusion",
        "Diffusion Policy whose middle must also tell what was seen",
    ),
    "diffusion-policy": ("agir.methods.imitation.diffusion_policy:DiffusionPolicy", "denoises chunks of actions (DDPM, DDIM)"),
    "discrete-diffusion-vla": (
        "agir.methods.imitation.discrete_diffusion_vla:DiscreteDiffusionVLA",
        "chunks as bins, decided in a few rounds, the surest first (masked discrete diffusion)",
    ),
    "dqn": ("agir.methods.online.dqn:DQN", "deep Q-learning with replay and a target network, double by default"),
    "ppo": ("agir.methods.online.ppo:PPO", "proximal policy optimisation: rollouts, clipped ratios, generalised advantages"),
    "fast": (
        "agir.methods.imitation.fast:Fast",
        "chunks as compressed frequencies, token by token: cosine transform and merged pairs (FAST)",
    ),
    "flow-policy": ("agir.methods.imitation.flow_policy:FlowPolicy", "chunks of actions along straight flows from noise (flow matching)"),
    "hydra": ("agir.methods.imitation.hydra:HYDRA", "far places on the way, single actions at work, by labels in the data (HYDRA)"),
    "mcnn": ("agir.methods.imitation.mcnn:MCNN", "regression held near what was done at the nearest memory, by a bound (MCNN)"),
    "motion-tracks": (
        "agir.methods.imitation.motion_tracks:MotionTracks",
        "plans tracks of keypoints in two images, learnt from hands without actions too (MT-pi)",
    ),
    "freqpolicy": (
        "agir.methods.imitation.freqpolicy:FreqPolicy",
        "chunks from low frequencies to high, each round's by a small diffusion head (FreqPolicy)",
    ),
    "coa": ("agir.methods.imitation.coa:CoA", "trajectories from their end back to now, and the mean of those with the same end (CoA)"),
    "vq-vla": ("agir.methods.imitation.vq_vla:VQVLA", "chunks as residual codes, said one after the other (VQ-VLA)"),
    "mp1": ("agir.methods.imitation.mp1:MP1", "chunks of actions in one pass: the average velocity of a flow (MeanFlow)"),
    "nearest-neighbors": (
        "agir.methods.imitation.nearest_neighbors:NearestNeighbors",
        "does what was done where it looked most like this (VINN); nothing is trained",
    ),
    "prise": ("agir.methods.imitation.prise:PRISE", "skills: codes of actions, merged where they are often done together (PRISE)"),
    "pad": ("agir.methods.imitation.pad:PAD", "actions and what will be seen, denoised together at one step (PAD)"),
    "uwm": (
        "agir.methods.imitation.uwm:UWM",
        "actions and what will be seen, denoised with a step each; learns from action-free episodes too (Unified World Models)",
    ),
    "uva": ("agir.methods.imitation.uva:UVA", "one latent of actions and what will be seen; acting decodes the actions alone (UVA)"),
    "reactive-diffusion-policy": (
        "agir.methods.imitation.reactive_diffusion_policy:ReactiveDiffusionPolicy",
        "a slow diffusion of latents, and a fast decoder that reads a force at every step",
    ),
    "rti-dp": ("agir.methods.imitation.rti_dp:RTIDP", "a trained diffusion policy with warm starts: a few passes a plan, no training"),
    "sdp": ("agir.methods.imitation.sdp:SDP", "a buffer of actions, the later the noisier, so that a plan needs a share of the passes"),
    "streaming-flow-policy": (
        "agir.methods.imitation.streaming_flow_policy:StreamingFlowPolicy",
        "actions along a flow whose time is the time of execution: each is done as soon as it is computed",
    ),
    "two-step-regression": (
        "agir.methods.imitation.two_step_regression:TwoStepRegression",
        "regresses a chunk twice, the second time from a noised one (MIP)",
    ),
    "carp": ("agir.methods.imitation.carp:CARP", "chunks as residual codes, coarse to fine: one pass a scale (CARP)"),
    "vq-bet": ("agir.methods.imitation.vq_bet:VQBeT", "chunks as residual codes in one pass, with offsets (VQ-BeT)"),
    "cogact": (
        "agir.methods.imitation.cogact:CogACT",
        "a diffusion transformer behind one token of what is seen, guided, and an ensemble of plans that agree",
    ),
    "ensemble": ("agir.methods.imitation.ensemble:Ensemble", "any trained policy that plans chunks, acting by the mean of its last plans"),
    "redrawn": (
        "agir.methods.imitation.redrawn:Redrawn",
        "any trained policy that draws tokens or codes, drawn at another temperature or in other rounds, no training",
    ),
    "bac": ("agir.methods.imitation.bac:BAC", "a trained diffusion transformer that computes few of its blocks in each pass, no training"),
    "correlated-noise-flow": (
        "agir.methods.imitation.correlated_noise_flow:CorrelatedNoiseFlow",
        "flow matching from noise that is correlated as the actions are, and plans that go on from the last (inpainting)",
    ),
    "consistency-policy": (
        "agir.methods.imitation.consistency_policy:ConsistencyPolicy",
        "a trained diffusion policy distilled into one pass (consistency trajectories)",
    ),
    "dita": ("agir.methods.imitation.dita:Dita", "denoises actions in context: one transformer over all that is seen, a token each thing"),
    "diffusion-transformer-policy": (
        "agir.methods.imitation.diffusion_transformer_policy:DiffusionTransformerPolicy",
        "one transformer over what is seen and the noisy actions, in the place of a small head",
    ),
    "mini-diffuser": (
        "agir.methods.imitation.mini_diffuser:MiniDiffuser",
        "observations encoded once for many noisy chunks in each update (two-level minibatch)",
    ),
    "stmdp": ("agir.methods.imitation.stmdp:STMDP", "Diffusion Policy with a transformer of spiking neurons"),
    "class": (
        "agir.methods.imitation.class_pretraining:CLASS",
        "Diffusion Policy whose encoder first learnt to see alike what calls for like actions",
    ),
    "zip": ("agir.methods.imitation.zip:ZIP", "follows the demonstration that looks most like this while it does; nothing is trained"),
    "code-prior": ("agir.methods.imitation.code_prior:CodePrior", "a codec of action chunks, then a categorical policy over its codes"),
}

NETWORKS: dict[str, tuple[str, str]] = {
    "mlp": ("agir.networks.mlp:DenoisingMLP", "denoises a chunk as one vector: the fastest, for short chunks and few dimensions"),
    "unet": ("agir.networks.unet:Unet", "denoises a chunk by convolutions over time (Diffusion Policy's CNN variant)"),
    "plain-unet": ("agir.networks.unet:PlainUnet", "the U-Net told by concatenation instead of FiLM, for ablations"),
    "transformer": ("agir.networks.transformer:Transformer", "denoises a chunk of tokens by attention (Diffusion Policy's second variant)"),
    "dit": ("agir.networks.in_context:DiffusionTransformer", "denoises a chunk of tokens behind one token of time and condition (CogACT)"),
    "spiking": (
        "agir.networks.spiking:Spiking",
        "denoises a chunk of tokens by spiking neurons, modulated by time and observations (STMDP)",
    ),
    "spiking-cross": ("agir.networks.spiking:SpikingCross", "the same with attention to time and observations"),
    "small-head": (
        "agir.networks.in_context:SmallHead",
        "an MLP that denoises a chunk behind one vector that a transformer makes of what is seen",
    ),
    "token-head": (
        "agir.networks.in_context:TokenHead",
        "an MLP that denoises each action alone, by what a transformer makes of its place and of what is seen",
    ),
    "in-context": ("agir.networks.in_context:InContext", "denoises a chunk of tokens behind all that is known, a token each (Dita)"),
    "resnet": ("agir.networks.resnet:ResNet", "encodes an image: a small residual network with a spatial softmax"),
}

READERS: dict[str, tuple[str, str]] = {  # asked in this order
    "agir": ("agir.data.store:OwnFile", "a folder or .npz that Dataset.save wrote"),
    "lerobot": ("agir.data.lerobot:LeRobotFolder", "a folder in LeRobot's layout v2 or v3, without videos; also hub:ORG/NAME"),
    "lasa": ("agir.tasks.lasa:LasaFile", "lasa.npz: SHAPE/pos [7, 2, points] and SHAPE/t [7, points], for lasa/SHAPE"),
    "pusht": ("agir.tasks.pusht:PushTFile", "pusht_lowdim.npz (state, action, episode_ends), pusht_img_uint8.npz beside it"),
    "adroit-door": ("agir.tasks.adroit:DoorFile", "door_human.npz: observations, actions, rewards, episode_ends, door_body_pos"),
}

CLAIMS: dict[str, tuple[str, str]] = {
    "dp-components-study": ("agir.claims.dp_components_study:CLAIM", "what each component of Diffusion Policy is worth, easy and hard"),
    "carp": ("agir.claims.carp:CLAIM", "four passes from coarse to fine are as good as ten of DDIM"),
    "discrete-diffusion-vla": ("agir.claims.discrete_diffusion_vla:CLAIM", "six rounds are as good as sixteen tokens one by one"),
    "house_vq_bet": ("agir.claims.house_vq_bet:CLAIM", "codes with offsets in one pass are as good as DDIM with ten"),
    "freqpolicy": ("agir.claims.freqpolicy:CLAIM", "low frequencies before high ones are as good as DDPM with 100 passes, and sooner"),
    "coa": ("agir.claims.coa:CLAIM", "backward reaches goals outside of the trained region more often than forward"),
    "vq-vla": ("agir.claims.vq_vla:CLAIM", "four residual codes say a chunk as well as sixteen bins"),
    "prise": ("agir.claims.prise:CLAIM", "skills from other words and five demonstrations go further than cloning"),
    "house_fast": ("agir.claims.house_fast:CLAIM", "compressed frequencies are as good as bins, in less time"),
    "cogact": ("agir.claims.cogact:CLAIM", "plans that agree are averaged: better than a fixed average of all"),
    "class": ("agir.claims.class_pretraining:CLAIM", "an encoder trained by actions first, where every demonstration looks different"),
    "zip": ("agir.claims.zip:CLAIM", "following demonstrations does as well as cloning them, without training"),
    "behavior-retrieval": ("agir.claims.behavior_retrieval:CLAIM", "few demonstrations find what is like them in a pile of harmful data"),
    "house_action_chunks": ("agir.claims.house_action_chunks:CLAIM", "chunks of actions get past pauses, single steps do not"),
    "house_ddim": ("agir.claims.house_ddim:CLAIM", "DDIM-10 is as good as DDPM-100 and takes a fraction of its time"),
    "house_diffusion_modes": ("agir.claims.house_diffusion_modes:CLAIM", "Diffusion Policy keeps modes apart, regression averages them"),
    "house_flow_policy": ("agir.claims.house_flow_policy:CLAIM", "flow matching with ten passes is as good as DDIM with ten"),
    "house_history": ("agir.claims.house_history:CLAIM", "two observations stand in for a speed that is not seen"),
    "house_two_step_regression": (
        "agir.claims.house_two_step_regression:CLAIM",
        "two passes of regression are as good as flow matching, one is not",
    ),
    "bac": ("agir.claims.bac:CLAIM", "blocks computed in ten to twenty of a hundred passes do as well as in all"),
    "consistency-policy": ("agir.claims.consistency_policy:CLAIM", "one pass of a distilled policy does as well as its teacher's ten"),
    "correlated-noise-flow": ("agir.claims.correlated_noise_flow:CLAIM", "correlated noise learns in fewer updates; its plans do as well"),
    "dita": ("agir.claims.dita:CLAIM", "actions that look at every token beat a head that denoises each by its own"),
    "diffusion-transformer-policy": (
        "agir.claims.diffusion_transformer_policy:CLAIM",
        "denoising in context beats a small head on two embodiments",
    ),
    "mini-diffuser": ("agir.claims.mini_diffuser:CLAIM", "many noises for each observation learn in a quarter of the updates"),
    "rti-dp": ("agir.claims.rti_dp:CLAIM", "warm starts of one pass do as well as ten passes from noise"),
    "sdp": ("agir.claims.sdp:CLAIM", "a streamed buffer does as well as chunks at equal passes, and at half of them"),
    "stmdp": ("agir.claims.stmdp:CLAIM", "a spiking denoiser is as good as a transformer"),
    "hydra": ("agir.claims.hydra:CLAIM", "two kinds of action do better than one where the way is noise"),
    "il-data-quality": ("agir.claims.il_data_quality:CLAIM", "noise of the system in the data helps, the demonstrator's does not"),
    "mcnn": ("agir.claims.mcnn:CLAIM", "held near memories, few demonstrations go further"),
    "motion-tracks": ("agir.claims.motion_tracks:CLAIM", "tracks of hands lead a robot to goals that it was never shown"),
    "reactive-diffusion-policy": (
        "agir.claims.reactive_diffusion_policy:CLAIM",
        "a decoder that feels at every step wipes a surface that jumps, open-loop chunks do not",
    ),
    "act-jepa": ("agir.claims.act_jepa:CLAIM", "foretelling what will be seen costs nothing, and makes use of action-free episodes"),
    "crossway-diffusion": ("agir.claims.crossway_diffusion:CLAIM", "telling what was seen from the middle makes a better policy"),
    "pad": ("agir.claims.pad:CLAIM", "denoising what will be seen with the actions makes a better policy"),
    "uva": ("agir.claims.uva:CLAIM", "one latent for actions and what will be seen acts as well as Diffusion Policy, no slower"),
    "uwm": ("agir.claims.uwm:CLAIM", "action-free episodes add to a few that have their actions"),
    "mp1": ("agir.claims.mp1:CLAIM", "MP1 with one pass is as good as DDIM with ten"),
    "streaming-flow-policy": (
        "agir.claims.streaming_flow_policy:CLAIM",
        "streamed actions are as good as chunks, and the first comes at once",
    ),
}

PARTS: dict[str, tuple[str, str]] = {}  # own sources, stages and parts that a description may name; agir's own need no row

TABLES = {"task": TASKS, "method": METHODS, "network": NETWORKS, "reader": READERS, "claim": CLAIMS, "part": PARTS}
